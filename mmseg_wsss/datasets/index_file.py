"""The last file of a folder of labels or maps: what was written, of which images, and from what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from ..files import relative_name, whole_file


class IndexedImage(TypedDict):
    """An image of a folder.

    Args:
        file_name: Its path below the image folder.
        width: In pixels.
        height: In pixels.
    """

    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class FolderIndex:
    """The content of ``pseudo_labels.json`` or ``cams.json``.

    Args:
        classes: Class names, background first.
        palette: One (r, g, b) per class.
        images: Images by image id, in order.
        source: Where the content of the folder came from: plain JSON values.
    """

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    images: Mapping[str, IndexedImage]
    source: Mapping[str, Any]

    def write(self, path: str | Path) -> None:
        """Write the file in one step; a folder that has it is finished.

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
            path: Where it is.
            cure: What errors say about how to write it again.

        Raises:
            FileNotFoundError: If it is missing.
            ValueError: If it is damaged.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f'{path} is missing, so {path.parent} holds nothing finished: {cure}')
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            images = {
                relative_name(image['id']): IndexedImage(
                    file_name=image['file_name'], width=image['width'], height=image['height']
                )
                for image in content['images']
            }
            names, palette = zip(*((item['name'], tuple(item['color'])) for item in content['classes']), strict=True)
            return cls(names, palette, images, content['source'])
        except (ValueError, KeyError, TypeError) as error:  # also of the decoder, and where no class is listed
            raise ValueError(f'{path} is damaged ({error!r}): {cure}') from error
