"""A page that needs no other file."""

import base64
import re

import cv2
import numpy as np

from mmseg_wsss.visualization.picture_page import picture_page


def test_pictures_are_inside_with_their_names():
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 250, 10, 20
    page = picture_page('2 <images>', [('ä<1>.jpg', picture), ('b.jpg', picture)])
    assert '<h1>2 &lt;images&gt;</h1>' in page
    assert page.count('<figcaption>') == 2
    assert '<figcaption>ä&lt;1&gt;.jpg</figcaption>' in page
    content = base64.b64decode(re.findall(r'base64,([^"]+)', page)[0])
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[0, 0].tolist() == [20, 10, 250]
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
