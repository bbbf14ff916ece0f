"""Panels of GPUs pod by pod: how each is used, and how it fares. Of a thousand pods, only the few that matter."""

from gaintrace.monitoring import conditions
from gaintrace.monitoring.grafana import Panel
from gaintrace.monitoring.scope import CHOSEN, POD, either
from gaintrace.telemetry.catalogue import THROTTLE

LEAST = "The pods with the least of it."
MOST = "The pods with the most of it."

IDLE = conditions.idle(CHOSEN)
UTILISATION = CHOSEN.utilisation
MEMORY = CHOSEN.by_pod("sum", "DCGM_FI_DEV_FB_USED", " * 1048576", CHOSEN.of("gaintrace_gpu_memory_used_bytes"))
POWER = CHOSEN.by_pod("sum", "DCGM_FI_DEV_POWER_USAGE", "", CHOSEN.of("gaintrace_gpu_power_watts"))
TEMPERATURE = CHOSEN.by_pod("max", "DCGM_FI_DEV_GPU_TEMP", "", CHOSEN.of("gaintrace_gpu_temperature_celsius"))
CLOCK = CHOSEN.by_pod("min", "DCGM_FI_DEV_SM_CLOCK", " * 1e6", CHOSEN.of("gaintrace_gpu_sm_clock_hertz"))
TENSOR = CHOSEN.by_pod("avg", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE")
DRAM = CHOSEN.by_pod("avg", "DCGM_FI_PROF_DRAM_ACTIVE")


def most(expression: str, labels: str = POD, order: str = "topk") -> str:
    """The few series with the highest mean over the range shown, the same few at every point of it."""
    mean = f"avg_over_time(({expression})[$__range:$__interval] @ end())"
    return f"({expression}) and on ({labels}) {order}($top, {mean})"


def least(expression: str, labels: str = POD) -> str:
    """The few with the lowest."""
    return most(expression, labels, "bottomk")


def _memory_there_is() -> str:
    used, free = (CHOSEN.dcgm(f"DCGM_FI_DEV_FB_{part}") for part in ("USED", "FREE"))
    there = f"(sum by ({POD}) ({used}) + sum by ({POD}) ({free})) * 1048576"
    return either(there, f"sum by ({POD}) ({CHOSEN.of('gaintrace_gpu_memory_total_bytes')})")


def pods() -> list[Panel]:
    """Use of the GPUs by pod, and by slice where they are sliced."""
    slices = CHOSEN.dcgm("DCGM_FI_PROF_GR_ENGINE_ACTIVE", more='GPU_I_ID!=""')
    by_slice = f"{POD}, GPU_I_ID, GPU_I_PROFILE"
    return [
        Panel(
            "Utilisation by pod",
            "Share of the time in which a kernel ran: DCGM's figure or, without DCGM, the trainer's own; of a MIG "
            f"slice, its engine's activity. {LEAST}",
            "percentunit",
            [(least(UTILISATION), "{{pod}}")],
            top=1,
        ),
        Panel(
            "Idle GPU-hours by pod",
            "Over the time range shown, pods that have ended included.",
            "none",
            [
                (
                    f"topk($top, sum by ({POD}) (sum_over_time(({IDLE})[$__range:$__interval]))"
                    " * $__interval_ms / 3600000)",
                    "{{pod}}",
                )
            ],
            "bargauge",
            decimals=2,
            empty="none",
            step="5m",
        ),
        Panel(
            "Tensor cores by pod",
            f"Share of the cycles in which the tensor pipe was active (DCGM only). {LEAST}",
            "percentunit",
            [(least(TENSOR), "{{pod}}")],
            top=1,
        ),
        Panel(
            "Memory interface by pod",
            f"Share of the cycles in which device memory was read or written (DCGM only). {MOST}",
            "percentunit",
            [(most(DRAM), "{{pod}}")],
            top=1,
        ),
        Panel(
            "Memory by pod",
            f"Device memory in use, and the most that any of these pods has. {MOST}",
            "bytes",
            [(most(MEMORY), "{{pod}}"), (f"max({_memory_there_is()})", "there is")],
        ),
        Panel("Power by pod", f"Power drawn. {MOST}", "watt", [(most(POWER), "{{pod}}")]),
        Panel("Temperature by pod", f"Of its hottest GPU. {MOST}", "celsius", [(most(TEMPERATURE), "{{pod}}")]),
        Panel("SM clock by pod", f"Of its slowest GPU. {LEAST}", "hertz", [(least(CLOCK), "{{pod}}")]),
        Panel(
            "MIG slices",
            f"Share of the time in which the slice's engine was active (DCGM only). {LEAST}",
            "percentunit",
            [(least(f"avg by ({by_slice}) ({slices})", by_slice), "{{pod}} {{GPU_I_PROFILE}} {{GPU_I_ID}}")],
            top=1,
            empty="no MIG slices",
        ),
    ]


def _throttled(reason: str) -> str:
    """GPUs whose clock is held down for a reason: a few bits of DCGM's mask, of either name, or the trainers' own."""
    lowest, values = THROTTLE[reason]
    masks = [CHOSEN.dcgm(f"DCGM_FI_DEV_CLOCK{name}_REASONS") for name in ("S_EVENT", "_THROTTLE")]
    held = [f"sum by ({POD}) (floor({mask} / {lowest}) % {values} > bool 0)" for mask in masks]
    own = CHOSEN.of("gaintrace_gpu_throttled", f'reason="{reason}"')
    return f"sum({either(*held, f'sum by ({POD}) ({own})')})"


def health() -> list[Panel]:
    """What the driver reports of the GPUs that training holds."""
    uncorrected, corrected = (
        CHOSEN.by_pod(
            "sum",
            f"DCGM_FI_DEV_ECC_{name}_VOL_TOTAL",
            own=CHOSEN.of("gaintrace_gpu_ecc_errors_total", f'kind="{kind}"'),
        )
        for name, kind in (("DBE", "uncorrected"), ("SBE", "corrected"))
    )
    remapped = CHOSEN.dcgm("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS")
    by_gpu = f"{POD}, gpu"
    xid = f"max by ({by_gpu}) ({CHOSEN.dcgm('DCGM_FI_DEV_XID_ERRORS')}) > 0"
    return [
        Panel(
            "XID",
            "Code of the last error that the driver reported of a GPU that training holds, be it of that pod or "
            "before it (DCGM only).",
            "none",
            [(f"topk($top, {xid})", "{{pod}} GPU {{gpu}}")],
            empty="none",
        ),
        Panel(
            "Errors of memory",
            "ECC errors since the driver was loaded, and rows remapped for uncorrectable ones, on GPUs that training "
            "holds. Of DCGM's fields only the rows are on by default.",
            "short",
            [
                (f"topk($top, ({uncorrected}) > 0)", "{{pod}} uncorrected"),
                (f"topk($top, ({corrected}) > 0)", "{{pod}} corrected"),
                (f"topk($top, sum by ({POD}) ({remapped}) > 0)", "{{pod}} rows remapped"),
            ],
            "bargauge",
            empty="none",
        ),
        Panel(
            "Clocks held down",
            "GPUs that training holds, by why they run slower than they could: the power cap, temperature, the "
            "supply's brake, another slowdown of the hardware. By DCGM where that field is on, else by the trainers.",
            "short",
            [(_throttled(reason), reason) for reason in THROTTLE],
        ),
    ]
