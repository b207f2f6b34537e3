"""Writers of labels in the formats of annotation tools, so that predictions can be corrected by hand."""

from . import coco, cvat, index_png, label_studio, labelme
from .label_writer import LabelWriter, WriteSettings
from .sources import read_source

WRITERS: dict[str, LabelWriter] = {
    module.WRITER.name: module.WRITER for module in (labelme, cvat, label_studio, coco, index_png)
}
"""All writers by the name of the reader that reads their files."""

__all__ = ['WRITERS', 'LabelWriter', 'WriteSettings', 'read_source']
