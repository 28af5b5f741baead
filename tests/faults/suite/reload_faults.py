"""The configuration is loaded again and again under load, at times a broken one."""

from __future__ import annotations

import signal

from tests.faults.suite.fault import BOTH, Fault, register
from tests.faults.suite.scene import Scene


def reload(scene: Scene) -> None:
    """SIGHUP with another interval, then with a file that is broken, then with the first again."""
    scene.until_reading(200)
    sound = scene.config.read_text()
    path = str(scene.directory / "disturbed")
    scene.change(store={"path": path, "checkpoint_interval": f"{scene.rng.randrange(50, 900)}ms"})
    scene.send(signal.SIGHUP)
    scene.wait(0.0, 0.8)
    scene.config.write_text(sound.replace("size: ", "size: never "))
    scene.send(signal.SIGHUP)
    scene.until(lambda: scene.metric("driftline_config_last_reload_successful") == 0, "the broken file refused")
    scene.config.write_text(sound)
    scene.send(signal.SIGHUP)
    scene.until(lambda: scene.metric("driftline_config_last_reload_successful") == 1, "the sound file loaded")
    scene.until_reading(200)


register(Fault("reload", "SIGHUP under load: another file, a broken one, the first", reload, repeats=5, clients=BOTH))
