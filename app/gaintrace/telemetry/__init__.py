"""What Prometheus can know of us: live metrics of a trainer, and the outcome of a sweep or a validation."""
