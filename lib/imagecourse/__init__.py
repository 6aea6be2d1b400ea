"""A thin library under a course in image classification with TensorFlow and Keras."""

__version__ = "0.1.0"
