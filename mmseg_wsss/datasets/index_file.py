"""The index file of a folder of labels or maps, written last: the classes, the images and the source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ..files import relative_name, whole_file


class IndexedImage(TypedDict):
    """An image in the index of a folder.

    Args:
        file_name: Path of the image below the image folder.
        width: Width in pixels.
        height: Height in pixels.
    """

    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class FolderIndex:
    """The content of ``pseudo_labels.json`` or ``cams.json``.

    Args:
        classes: Class names; the background comes first.
        palette: One (r, g, b) per class.
        images: Images by image id, in order.
        source: Where the content of the folder comes from, as plain JSON values.
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    images: Mapping[str, IndexedImage]
    source: Mapping[str, Any]

    def write(self, path: str | Path) -> None:
        """Write the file in one step. A folder that has it is complete.

        Raises:
            ValueError: If the palette does not have one colour per class.
        """
        pairs = zip(self.classes, self.palette, strict=True)
        content = {
            'version': 1,
            'classes': [{'name': title, 'color': list(map(int, colour))} for title, colour in pairs],
            'source': dict(self.source),
            'images': [{'id': key, **image} for key, image in self.images.items()],
        }
        with whole_file(path) as file:
            file.write(json.dumps(content, indent=1).encode())

    @classmethod
    def read(cls, path: str | Path, cure: str) -> FolderIndex:
        """Read the file.

        Args:
            path: Path of the file.
            cure: How to write the file again, for the error messages.

        Raises:
            FileNotFoundError: If the file is missing.
            ValueError: If the file is damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'{path} is missing, so {path.parent} is not complete: {cure}')
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            images = {
                relative_name(image['id']): IndexedImage(
                    file_name=image['file_name'], width=image['width'], height=image['height']
                )
                for image in content['images']
            }
            if len(images) < len(content['images']):
                keys = [image['id'] for image in content['images']]
                raise ValueError(f'the image id {max(keys, key=keys.count)!r} appears twice')
            names, palette = zip(*((item['name'], tuple(item['color'])) for item in content['classes']), strict=True)
            return cls(names, palette, images, content['source'])
        # also errors of the decoder and an empty list of classes
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f'{path} is damaged ({error!r}): {cure}') from error
