"""The stream forms of an answer: one module for each family of APIs."""
