"""What is written for people: colours, tables, and text that cannot harm a terminal."""
