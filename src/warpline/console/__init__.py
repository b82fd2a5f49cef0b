"""What a person sees of a job: progress, TensorBoard, command lines, provenance. Changes no result."""
