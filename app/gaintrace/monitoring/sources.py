"""What dashboards and alerts need of other people's exporters; a platform that drops series must keep these."""

SOURCES = {
    "kube-state-metrics": {
        "kube_pod_service_account": "which pods are ours (2.10 or newer)",
        "kube_pod_status_phase": "which of them run, and which wait",
        "kube_pod_info": "on which node",
        "kube_pod_container_resource_requests": "how many GPUs they hold, and others",
        "kube_node_status_allocatable": "how many GPUs there are",
        "kube_pod_container_status_waiting_reason": "images that cannot be pulled",
        "kube_pod_init_container_status_waiting_reason": "the same of Argo's image",
        "kube_pod_container_status_terminated_reason": "containers killed for memory",
        "kube_pod_container_status_last_terminated_reason": "the same where they were started again",
    },
    "DCGM's exporter": {
        "DCGM_FI_DEV_GPU_UTIL": "utilisation, %",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE": "utilisation of MIG slices, 0 to 1",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": "activity of the tensor cores",
        "DCGM_FI_PROF_DRAM_ACTIVE": "activity of the memory interface",
        "DCGM_FI_DEV_FB_USED": "memory, MiB",
        "DCGM_FI_DEV_FB_FREE": "memory, MiB",
        "DCGM_FI_DEV_POWER_USAGE": "power, W",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": "energy, mJ",
        "DCGM_FI_DEV_GPU_TEMP": "temperature, °C",
        "DCGM_FI_DEV_SM_CLOCK": "clock, MHz",
        "DCGM_FI_DEV_XID_ERRORS": "the driver's last error",
        "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": "rows of memory that were replaced",
        "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": "corrected errors of memory; off by default",
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "uncorrected ones; off by default",
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": "why clocks are held down; off by default",
        "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": "the same, before DCGM 4",
    },
    "Argo's controller": {"argo_workflows_gauge": "workflows by phase"},
}
"""Metric → what for, by exporter. What is off by default the trainers tell of their own GPUs."""

NOTE = """What dashboards and alerts ask besides, of exporters as they come. DCGM's labels may arrive as `pod` or as
`exported_pod`; what it has off by default, or is not there to tell, the trainers tell of their own GPUs. A pod is ours
by its namespace, its service account and Argo's name for it, since kube-state-metrics shows no labels of pods unless
told to. Where one Prometheus keeps several clusters, a label `cluster` tells them apart."""
