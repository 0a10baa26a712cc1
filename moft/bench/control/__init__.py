"""How well steering the miniature does what was asked: directions, regions, content, clips, tries, rules,
reading."""
