"""Sweeps on a Kubernetes cluster with Argo Workflows: submitting, watching, and checking that all is there."""
