"""Frames of videos by their numbers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_wsss.labelling.video_frames import count_frames, frame_files, is_video, read_frames
from tests.helpers.videos import write_video


@pytest.mark.parametrize('every', [1, 2, 3, 9])
def test_every_nth_frame_by_its_number(tmp_path, every):
    values = write_video(tmp_path / 'film.avi', 5)
    found = dict(read_frames(tmp_path / 'film.avi', every))
    assert list(found) == list(range(0, 5, every))
    for number, frame in found.items():
        assert frame.shape == (48, 64, 3)
        assert abs(frame.mean() - values[number]) < 4
    assert count_frames({'a': tmp_path / 'film.avi', 'b': tmp_path / 'film.avi'}, every) == 2 * len(found)


def test_files_of_frames_in_order(tmp_path):
    values = write_video(tmp_path / 'film.avi', 3)
    names, frames, files = [], [], set()
    for name, path in frame_files({'x/film': tmp_path / 'film.avi', 'b': tmp_path / 'film.avi'}):
        names.append(name)
        frames.append(cv2.imread(str(path)).mean())
        files.add(path)
    assert names == [f'{film}/00000{number}' for film in ('x/film', 'b') for number in range(3)]
    np.testing.assert_allclose(frames, [*values, *values], atol=4)
    (frame,) = files  # one at a time
    assert not frame.exists()


def test_what_is_no_video(tmp_path):
    assert is_video(Path('a.MP4'))
    assert not is_video(Path('a.png'))
    (tmp_path / 'a.mp4').write_text('text')
    with pytest.raises(ValueError, match='a.mp4 cannot be read as a video: OpenCV found no frame in it'):
        list(read_frames(tmp_path / 'a.mp4'))
