"""Short videos."""

import cv2
import numpy as np


def write_video(path, length, codec='MJPG', size=(64, 48)):
    """A video whose frames get brighter; returns their grey values."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 10, size)
    assert writer.isOpened()
    values = [20 + 40 * number for number in range(length)]
    for value in values:
        writer.write(np.full((size[1], size[0], 3), value, np.uint8))
    writer.release()
    return values
