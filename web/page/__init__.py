"""The page: Gradio's form, its handlers, labels and theme, and the share page."""
