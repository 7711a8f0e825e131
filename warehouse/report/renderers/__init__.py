"""Renderers: report data as bytes, one module per format; each has `NAME`, the name of its file, and `render`."""
