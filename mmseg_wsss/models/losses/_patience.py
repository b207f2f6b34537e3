"""When labels of a kind that a loss needs never come."""

PATIENCE = 1000


class Patience:
    """Ends a training whose images lack what a loss learns from, before hours of it.

    Images without such labels are normal; a thousand of them at the start of a training are not.

    Args:
        learner: Which loss learns from what: 'X learns from image tags'.
        advice: Where to look for the fault.
    """

    def __init__(self, learner: str, advice: str) -> None:
        self._learner = learner
        self._advice = advice
        self._images: int | None = 0  # so far without; None: there were such labels

    def check(self, found: bool, num_images: int) -> None:
        """Count the images of a batch.

        Raises:
            ValueError: If none of the first thousand images had such labels.
        """
        if found:
            self._images = None
        elif self._images is not None:
            self._images += num_images
            if self._images >= PATIENCE:
                raise ValueError(
                    f'{self._learner}, and none of the first {self._images} images had any. {self._advice}'
                )
