"""One page with everything in it."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from mmseg_wsss.engine.run_facts import read_run
from mmseg_wsss.engine.validation_record import write_record
from mmseg_wsss.visualization.run_page import embedded, run_page
from tests.helpers.one_of_each import write_own_data
from tests.helpers.runs import write_run


class Balanced(HTMLParser):
    """Counts open elements."""

    VOID = ('meta', 'img', 'br', 'link')

    def __init__(self):
        super().__init__()
        self.stack, self.text = [], ''

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data


def runs(tmp_path):
    write_own_data(tmp_path / 'data')
    weak = write_run(tmp_path / 'weak', data=tmp_path / 'data')
    full = write_run(tmp_path / 'full', data=tmp_path / 'data', full=True, rows=[{'mIoU': 83.0, 'step': 20}])
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(weak / 'result_sheet.png')
    return weak, full


def test_a_page_is_whole_and_needs_no_other_file(tmp_path):
    facts = [read_run(folder) for folder in runs(tmp_path)]
    page = run_page(facts, 'weak and full')
    parser = Balanced()
    parser.feed(page)
    assert parser.stack == []
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert page.count('<svg') == 2
    for text in (
        '41.50',
        '83.00',
        '50.0 %',
        '100.0 %',
        '74.23',
        'PartialCrossEntropyLoss',
        'full (full masks)',
        '<road>',
    ):
        assert text in parser.text
    assert '<road>' not in page
    assert page == run_page(facts, 'weak and full')


def test_confusions_and_images_of_the_last_validation(tmp_path):
    weak, full = runs(tmp_path)
    without = run_page([read_run(full)], 'full')
    assert 'Confusions' not in without
    assert 'Worst and best' not in without
    photo = Image.fromarray(np.full((5, 9, 3), 77, np.uint8))
    photo.save(tmp_path / 'a.jpg')
    drawn = {'worst': [('b<1>.jpg', (tmp_path / 'a.jpg').read_bytes())], 'best': []}
    write_record(weak, ['sky', '<road>'], [[3000, 1000], [0, 500]], {'b<1>.jpg': 12.34}, drawn)
    page = run_page([read_run(weak), read_run(full)], 'weak')
    parser = Balanced()
    parser.feed(page)
    assert parser.stack == []
    assert page.count('Confusions: ') == page.count('Worst and best images: ') == 1
    for text in ('Confusions: weak', '75.0', '3,000', '25.0', '1,000', '4,000', '<road>', 'worst: b<1>.jpg, IoU 12.3'):
        assert text in parser.text
    assert 'rgba(40, 140, 70, 0.60)">75.0' in page  # green on the diagonal, 0.8 of its share
    assert 'rgba(200, 60, 30, 0.20)">25.0' in page
    assert 'rgba(40, 140, 70, 0.80)">100.0' in page
    assert '<road>' not in page
    (picture,) = re.findall(r'alt="b&lt;1&gt;.jpg[^"]*" src="data:image/jpeg;base64,([^"]+)"', page)
    assert base64.b64decode(picture).startswith(b'\xff\xd8')


def test_results_of_tasks(tmp_path):
    weak, _ = map(read_run, runs(tmp_path))
    assert 'Pseudo-labels' not in run_page([weak], 'weak')
    page = run_page([replace(weak, tasks={'01_boxes': {'images': '7', 'labelled': '75.0%'}})], 'weak')
    parser = Balanced()
    parser.feed(page)
    assert parser.stack == []
    assert 'weak01_boxes' in ''.join(parser.text.split())
    assert 'images 7, labelled 75.0%' in parser.text


def test_pictures_are_inside(tmp_path):
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / 'a.png')
    kind, text = embedded(tmp_path / 'a.png')
    assert kind == 'png'
    assert base64.b64decode(text) == (tmp_path / 'a.png').read_bytes()
    noise = np.random.default_rng(0).integers(0, 255, (99, 99, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / 'b.png')
    assert embedded(tmp_path / 'b.png')[0] == 'jpeg'


def test_without_a_run_on_full_masks_there_is_no_share(tmp_path):
    weak, _ = (read_run(folder) for folder in runs(tmp_path))
    page = run_page([weak, replace(weak, name='again')], 'weak')
    assert '/ full' not in page
    assert 'Weak / full' not in page
