"""Logs that other programs left: CSV, Parquet, Hugging Face, TensorBoard, W&B, and run folders of our own."""
