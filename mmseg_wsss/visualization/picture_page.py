"""One HTML page with pictures in it, which needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import jinja2
import numpy as np
import numpy.typing as npt

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
  body { font: 15px/1.5 sans-serif; margin: 2em; color: #222; }
  figure { display: inline-block; margin: 0 1em 1.5em 0; vertical-align: top; }
</style>
<h1>{{ title }}</h1>
{% for name, content in pictures %}
<figure><img alt="{{ name }}" src="data:image/png;base64,{{ content }}"><figcaption>{{ name }}</figcaption></figure>
{% endfor %}
</html>
"""


def picture_page(title: str, pictures: Sequence[tuple[str, npt.NDArray[np.uint8]]]) -> str:
    """Return a page with pictures.

    Args:
        title: Title of the page.
        pictures: Caption and RGB picture of each.
    """
    encoded = [
        (name, base64.b64encode(cv2.imencode('.png', np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()).decode())
        for name, picture in pictures
    ]
    return jinja2.Environment(autoescape=True).from_string(PAGE).render(title=title, pictures=encoded)
