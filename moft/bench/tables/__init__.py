"""The tables as stored records, and the page of them."""
