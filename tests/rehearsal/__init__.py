"""Models of true size and no training, taken from the first look to the last command as a user would."""
