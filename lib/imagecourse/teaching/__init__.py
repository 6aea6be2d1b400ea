"""Teaching with the course: student releases, grading in a sandbox, feedback, marks, quizzes."""
