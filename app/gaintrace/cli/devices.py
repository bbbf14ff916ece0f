"""What the options of devices mean."""

from gaintrace.errors import ConfigError


def chosen_devices(device: str, devices: str | None) -> tuple[str, ...]:
    """What --devices names; none without it. Raises ConfigError, DeviceError."""
    if devices is None:
        return ()
    if device != "auto":
        raise ConfigError(f"--device {device} and --devices {devices}: give one of them")
    from gaintrace.training.device import choose_device

    given = [name.strip() for name in devices.split(",")]
    found = [str(choose_device(f"cuda:{name}" if name.isdecimal() else name)) for name in given if name != "auto"]
    if len(found) < len(given):
        raise ConfigError(f"--devices {devices}: name each, as in 0,1; auto is one")
    twice = [name for name in found if found.count(name) > 1 and name != "cpu"]
    if twice:
        raise ConfigError(f"--devices {devices}: {twice[0]} twice; --members is how many runs it trains side by side")
    return tuple(found)


def chosen_device(device: str, gpus: int | None) -> str:
    """The device that a count of GPUs, as a pod asks for them, means."""
    if gpus is None:
        return device
    return "cuda" if gpus else "cpu"
