"""Two processes for a submission: the student's notebook behind walls, and the judge that only asks it for data."""
