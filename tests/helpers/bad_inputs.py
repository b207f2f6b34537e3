"""Inputs with one fault each: tables of documents, the places that are changed in them, and the wrong values."""

from __future__ import annotations

import copy
import json

import numpy as np

NAN, INF = float('nan'), float('inf')
TOO_LONG = 'x' * 300

# Wrong values for a kind of key, by a name for the test.
COORDINATE = {
    'text': '3', 'true': True, 'null': None, 'list': [1], 'object': {}, 'nan': NAN, 'inf': INF, 'huge': 10**400
}  # fmt: skip
CLASS = {'text': '1', 'true': True, 'null': None, 'list': [1], 'nan': NAN, 'half': 1.5, 'minus': -1, 'large': 10**30}
SIDE = {'text': 'x', 'true': True, 'list': [1], 'nan': NAN, 'inf': INF, 'minus': -40, 'half': 2.5, 'large': 10**30}
NAME = {
    'number': 3, 'null': None, 'list': [], 'empty': '', 'blank': ' ', 'up': '../../a.jpg', 'dot': '.',
    'nul': 'a\0b.jpg', 'surrogate': '\ud800.jpg', 'long': TOO_LONG,
}  # fmt: skip
TEXT = {'null': None, 'number': 3, 'empty': ' '}
LIST = {'null': None, 'text': 'ab', 'number': 1, 'object': {}, 'true': True}

# A document of each format, and for each place (its path of keys) the values that are wrong there.
JSON_FILES = {
    'canonical': (
        {
            'version': 1,
            'classes': [{'name': 'background', 'color': [0, 0, 0]}, {'name': 'cat', 'color': [9, 9, 9]}],
            'images': [
                {
                    'file_name': 'a.jpg', 'width': 30, 'height': 20, 'points': [{'x': 1, 'y': 2, 'class': 1}],
                    'scribbles': [{'points': [[1, 1], [5, 5]], 'class': 0}], 'tags': [1],
                    'boxes': [{'box': [1, 2, 3, 4], 'class': 1}], 'mask': 'm.png',
                }
            ],
        },
        {
            'version': {'true': True, 'text': '1', 'two': 2, 'null': None, 'half': 1.5},
            'classes': LIST,
            'classes.0.name': TEXT,
            'classes.1.name': {**TEXT, 'twice': 'background'},
            'classes.1.color': {'true': [True, 0, 0], 'text': '#fff', 'short': [1, 2], 'large': [0, 0, 256]},
            'images': LIST,
            'images.0.file_name': NAME,
            'images.0.width': SIDE | {'text': '30'},
            'images.0.height': {'minus': -1, 'half': 2.5},
            'images.0.points': LIST,
            'images.0.points.0': {'null': None, 'list': [1, 2]},
            'images.0.points.0.x': COORDINATE,
            'images.0.points.0.y': COORDINATE,
            'images.0.points.0.class': CLASS,
            'images.0.scribbles.0.points': LIST | {'none': [], 'triple': [[1, 2, 3]]},
            'images.0.scribbles.0.points.1.0': COORDINATE,
            'images.0.scribbles.0.class': CLASS,
            'images.0.boxes.0.box': LIST | {'short': [1, 2, 3], 'swapped': [5, 2, 3, 4]},
            'images.0.boxes.0.box.2': COORDINATE,
            'images.0.boxes.0.class': CLASS,
            'images.0.tags': {'text': '1', 'number': 1, 'true': [True], 'large': [7], 'half': [0.5]},
            'images.0.mask': {'number': 1, 'empty': '', 'nul': 'a\0'},
        },
    ),
    'whats_the_point': (
        {'a': [{'x': 1.5, 'y': 2, 'cls': 1, 'rank': 1}], 'b': []},
        {
            'a': LIST,
            'a.0': {'null': None, 'list': [1, 2]},
            'a.0.x': COORDINATE,
            'a.0.y': COORDINATE,
            'a.0.cls': CLASS,
        },
    ),
    'coco': (
        {
            'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 8, 'height': 6}],
            'categories': [{'id': 1, 'name': 'cat'}],
            'annotations': [
                {
                    'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [1, 1, 3, 2], 'iscrowd': 0,
                    'segmentation': [[1, 1, 4, 1, 4, 3, 1, 3]],
                }
            ],
        },
        {
            'images': LIST,
            'images.0.id': {'null': None, 'true': True, 'list': []},
            'images.0.file_name': NAME,
            'images.0.width': SIDE,
            'categories': LIST,
            'categories.0.id': {'null': None, 'true': True, 'list': []},
            'categories.0.name': TEXT | {'other': 'dog'},
            'annotations': LIST,
            'annotations.0.image_id': {'null': None, 'other': 7, 'list': []},
            'annotations.0.category_id': {'null': None, 'other': 7, 'list': []},
            'annotations.0.bbox': LIST | {'short': [1, 2, 3], 'digits': '1234'},
            'annotations.0.bbox.0': COORDINATE,
            'annotations.0.bbox.2': COORDINATE | {'minus': -3},
            'annotations.0.segmentation': {
                'number': 1, 'text': 'ab', 'short': [[1, 2, 3]], 'nan': [[NAN] * 6], 'inf': [[INF] * 6],
                'far': [[1e9] * 6], 'farther': [[1e300] * 6], 'texts': [['1'] * 6],
                'size': {'size': [3, 3], 'counts': [4, 5]}, 'sum': {'size': [6, 8], 'counts': [4, 5]},
                'minus': {'size': [6, 8], 'counts': [50, -2]}, 'letters': {'size': [6, 8], 'counts': '\x7f'},
            },
        },
    ),
    'citypersons': (
        {'imgWidth': 30, 'imgHeight': 20, 'objects': [{'label': 'rider', 'bboxVis': [1, 2, 3, 4]}]},
        {
            'imgWidth': SIDE,
            'imgHeight': {'minus': -1, 'half': 2.5},
            'objects': LIST,
            'objects.0': {'null': None, 'list': [1, 2]},
            'objects.0.bboxVis': LIST | {'digits': '1234', 'short': [1, 2, 3]},
            'objects.0.bboxVis.0': COORDINATE,
            'objects.0.bboxVis.3': COORDINATE,
        },
    ),
    'labelme': (
        {
            'flags': {}, 'imagePath': 'a.jpg', 'imageHeight': 20, 'imageWidth': 30,
            'shapes': [{'label': 'cat', 'points': [[1, 1]], 'shape_type': 'point', 'flags': {}}],
        },
        {
            'imageWidth': SIDE,
            'shapes': LIST,
            'shapes.0': {'null': None, 'list': [1, 2]},
            'shapes.0.label': TEXT | {'other': 'dog'},
            'shapes.0.points': LIST | {'none': [], 'triple': [[1, 2, 3]]},
            'shapes.0.points.0.0': COORDINATE,
        },
    ),
}  # fmt: skip

BOX = '<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>6</ymax></bndbox>'
NUMBER_TEXTS = {
    'empty': '', 'nan': 'nan', 'inf': 'inf', 'huge': '1e400', 'word': 'one', 'comma': '1,5', 'hex': '0x10', 'two': '1 2'
}  # fmt: skip
SIDE_TEXTS = {'minus': '-40', 'half': '2.5', 'nan': 'nan', 'inf': 'inf', 'word': 'wide', 'huge': '1' + '0' * 30}

# For each format of text: a good file, and for each part of it, by the key that the message names, wrong ones.
TEXT_FILES = {
    'voc_xml': (
        '<annotation><size><width>9</width><height>7</height></size>'
        f'<object><name>cat</name>{BOX}</object></annotation>',
        {
            ('xmin', '<xmin>1</xmin>'): {key: f'<xmin>{text}</xmin>' for key, text in NUMBER_TEXTS.items()},
            ('ymax', '<ymax>6</ymax>'): {'none': '', **{k: f'<ymax>{t}</ymax>' for k, t in NUMBER_TEXTS.items()}},
            ('width', '<width>9</width>'): {key: f'<width>{text}</width>' for key, text in SIDE_TEXTS.items()},
            ('name', '<name>cat</name>'): {'none': '', 'empty': '<name/>'},
            ('dog', '<name>cat</name>'): {'other': '<name>dog</name>'},
            ('bndbox', BOX): {'none': '', 'polygon': '<polygon/>'},
            ('boxes[0]', BOX): {'swapped': BOX.replace('>8<', '>0<')},
            ('is not XML', '</size>'): {'cut': '</size></annotation>'},
        },
    ),
    'scribblesup': (
        '<annotation><size>9,7</size><polygon><tag>cat</tag><point><X>1</X><Y>2</Y></point></polygon></annotation>',
        {
            ('X', '<X>1</X>'): {'none': '', **{key: f'<X>{text}</X>' for key, text in NUMBER_TEXTS.items()}},
            ('Y', '<Y>2</Y>'): {'nan': '<Y>nan</Y>', 'word': '<Y>two</Y>'},
            ('tag', '<tag>cat</tag>'): {'none': '', 'empty': '<tag/>'},
            ('dog', '<tag>cat</tag>'): {'other': '<tag>dog</tag>'},
            ('size', '<size>9,7</size>'): {
                'one': '<size>9</size>', 'empty': '<size/>', **{k: f'<size>{t},7</size>' for k, t in SIDE_TEXTS.items()}
            },
            ('point', '<point><X>1</X><Y>2</Y></point>'): {'none': ''},
        },
    ),
    'craid': (
        'filename,locations\na.png,"[(3.9, 5.2), (0, 1)]"\n',
        {
            ('locations', '[(3.9, 5.2), (0, 1)]'): {
                'word': 'x', 'call': '__import__', 'open': '[(1, 2)', 'text': "[('1', 2)]", 'true': '[(True, 2)]',
                'none': '[(None, 2)]', 'three': '[(1, 2, 3)]', 'number': '7', 'inf': '[(1e999, 2)]',
                'deep': '[' * 5000, 'nul': '[(1, 2)]\0', 'large': '9' * 200_000, 'long': '[' + '(1,),' * 20_000 + ']',
            },
            ('filename', 'a.png'): {'empty': '', 'up': '../a.png', 'long': TOO_LONG, 'dot': '.'},
            ('locations', 'filename,locations'): {
                'columns': 'filename,places', 'twice': 'filename,locations,locations'
            },
        },
    ),
    'table_csv': (
        'image,class,xmin,ymin,xmax,ymax,width,height\na.jpg,cat,1,2,3,4,30,20\n',
        {
            ('xmin', ',1,2,'): {key: f',"{text}",2,' for key, text in NUMBER_TEXTS.items()},
            ('width', ',30,'): {key: f',{text},' for key, text in SIDE_TEXTS.items()},
            ('dog', 'cat'): {'other': 'dog'},
            ('image', 'a.jpg'): {'empty': '', 'up': '../a.jpg', 'long': TOO_LONG},
        },
    ),
}  # fmt: skip

# What a whole file may be instead of a label file, as bytes.
WHOLE_FILES = {
    'empty': b'', 'zeros': b'\0' * 64, 'text': b'nothing', 'binary': bytes(range(128, 256)),
    'jpeg': b'\xff\xd8\xff\xe0',
    'half': b'{"images": [', 'deep': b'[' * 100_000, 'number': b'1', 'null': b'null', 'twice': b'{"a": 1, "a": 2}',
    'entity': b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', 'lfs': b'version https://git-lfs.github.com/spec/v1\n',
}  # fmt: skip


def changed(document, path, value):
    """Return a document of JSON with another value at a path such as ``'images.0.width'``."""
    document = copy.deepcopy(document)
    *above, last = [int(key) if key.isdigit() else key for key in path.split('.')]
    parent = document
    for key in above:
        parent = parent[key]
    parent[last] = value
    return json.dumps(document)


def json_cases():
    """Yield format, path, name of the fault, and the text of the file."""
    for name, (document, faults) in JSON_FILES.items():
        for path, values in faults.items():
            for fault, value in values.items():
                yield name, path, fault, changed(document, path, value)


def text_cases():
    """Yield format, the word that the message has, name of the fault, and the text of the file."""
    for name, (text, faults) in TEXT_FILES.items():
        for (word, part), values in faults.items():
            assert part in text
            for fault, value in values.items():
                yield name, word, fault, text.replace(part, value, 1)


# Values that tools write, and what is read of them: format, place, value, and attributes of the labels.
ACCEPTED = [
    ('canonical', 'version', 1.0, {}),
    ('canonical', 'images.0.points.0.class', 1.0, {'point_labels': [1]}),
    ('canonical', 'images.0.points.0.x', 1.25, {'points': [[1.25, 2]]}),
    ('canonical', 'images.0.width', None, {'size': None}),
    ('canonical', 'images.0.width', 30.0, {'size': (30, 20)}),
    ('canonical', 'images.0.tags', None, {'tags': None}),
    ('canonical', 'images.0.tags', [], {'tags': ()}),
    ('canonical', 'images.0.mask', None, {'mask_path': None}),
    ('coco', 'images.0.width', '8', {'size': (8, 6)}),
    ('coco', 'images.0.width', 0, {'size': None}),
    ('coco', 'images.0.width', '', {'size': None}),
    ('coco', 'annotations.0.bbox.2', 0, {'boxes': [[1, 1, 1, 2]]}),
    ('coco', 'annotations.0.iscrowd', 1, {'boxes': np.zeros((0, 4))}),
    ('citypersons', 'imgWidth', 0, {'boxes': [[1, 2, 3, 5]]}),
    ('citypersons', 'objects.0.bboxVis.2', 500, {'boxes': [[1, 2, 29, 5]]}),
    ('citypersons', 'objects.0.label', 'ignore', {'boxes': np.zeros((0, 4))}),
    ('labelme', 'imageWidth', '30', {'size': (30, 20)}),
]
