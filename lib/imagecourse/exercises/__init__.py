"""Exercises in notebooks: what each cell is for, how far a student is, and in what words to say it."""
