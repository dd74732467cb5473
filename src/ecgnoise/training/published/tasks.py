"""What the published networks learn, as the loop sees it. Needs the extra ``train``."""

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from accelerate import PartialState
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ecgnoise.models.diffusion import ALPHA_BAR, TRAIN_TIMESTEPS, Ddim, draw_noise, reverse_process
from ecgnoise.models.networks.published import Autoencoder, DiffusionModule, NoisePredictor
from ecgnoise.scalogram.profile import Images
from ecgnoise.training.engine.task import EXAMPLE_SEED, EXAMPLES, Batch, Grey, fingerprint, grey_images, network_images

LEARNING: Final = "unet."  # how the parameters begin that a diffusion network learns


class AutoencoderTask:
    """Images through the latent and back; the loss is the mean squared difference in network units.

    images: (n, 32, 256) in 0..255. make: gives a network with fresh weights.
    """

    def __init__(self, images: Grey, make: Callable[[], Autoencoder]) -> None:
        self.images = images
        self._make = make

    @property
    def size(self) -> int:
        """How many lead-segments there are."""
        return len(self.images)

    @property
    def fingerprint(self) -> str:
        """A sum over all images."""
        return fingerprint(self.images)

    def network(self) -> Autoencoder:
        """An autoencoder with fresh weights."""
        return self._make()

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """The images; nothing is drawn."""
        del generator
        return {"images": network_images(self.images[chosen])}

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean squared difference."""
        return functional.mse_loss(network(batch["images"]).float(), batch["images"])

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """The first images and what comes back."""
        shown = self.images[:EXAMPLES].astype(np.float32)
        device = next(network.parameters()).device
        return shown, grey_images(network(network_images(shown).to(device)))


class DiffusionTask:
    """Predicting the noise in what is denoised, at a timestep drawn evenly (DDPM, equation 14).

    images: (n, 32, 256) in 0..255. module: the whole network; its UNet is what learns. clean: what is denoised,
    (n, c, h, w), where it is not the image itself: latents as ``module.encode`` gives them. make: gives a UNet with
    fresh weights.
    """

    def __init__(
        self,
        images: Grey,
        module: DiffusionModule,
        make: Callable[[], NoisePredictor],
        clean: NDArray[np.float32] | None = None,
    ) -> None:
        self.images = images
        self.module = module
        self._make = make
        self._clean = clean
        self._alpha_bar = torch.tensor(ALPHA_BAR, dtype=torch.float32)

    @property
    def size(self) -> int:
        """How many lead-segments there are."""
        return len(self.images)

    @property
    def fingerprint(self) -> str:
        """A sum over all images, and the weights that make of them what is denoised.

        Not over the latents themselves: their last digits depend on the computer and the number of threads.
        """
        state = self.module.state_dict()
        given = [state[name].cpu().numpy() for name in sorted(state) if not name.startswith(LEARNING)]
        return fingerprint(self.images, *given)

    def network(self) -> NoisePredictor:
        """A UNet with fresh weights."""
        return self._make()

    def batch(self, chosen: NDArray[np.int64], generator: torch.Generator) -> Batch:
        """What is denoised, noise, and timesteps with their alpha_bar."""
        clean = network_images(self.images[chosen]) if self._clean is None else torch.from_numpy(self._clean[chosen])
        timestep = torch.randint(TRAIN_TIMESTEPS, (len(chosen),), generator=generator)
        noise = torch.randn(clean.shape, generator=generator)
        return {"clean": clean, "noise": noise, "timestep": timestep, "alpha_bar": self._alpha_bar[timestep]}

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Mean squared error of the predicted noise."""
        alpha_bar = batch["alpha_bar"][:, None, None, None]
        noisy = alpha_bar.sqrt() * batch["clean"] + (1.0 - alpha_bar).sqrt() * batch["noise"]
        return functional.mse_loss(network(noisy, batch["timestep"]).float(), batch["noise"])

    def examples(self, network: nn.Module) -> tuple[Images, Images]:
        """The first images as the published reverse process, from t = 30, reconstructs them."""
        shown = self.images[:EXAMPLES].astype(np.float32)
        device = next(network.parameters()).device
        self.module.to(device)
        clean = self.module.encode(network_images(shown).to(device))
        noise = torch.from_numpy(draw_noise(Ddim(), tuple(clean.shape[1:]), EXAMPLE_SEED)).to(device)

        def predict(noisy: Tensor, timestep: int) -> Tensor:
            predicted: Tensor = network(noisy, torch.tensor([timestep], device=device))
            return predicted

        return shown, grey_images(self.module.decode(reverse_process(predict, clean, Ddim(), noise)))


def encode_all(
    module: DiffusionModule, images: Grey, batch: int, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """What is denoised, of all images: (n, c, h, w), once for the whole run, as the encoder is not trained any more."""
    device = PartialState(cpu=not torch.cuda.is_available()).device
    module.to(device).eval()
    parts: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for first in range(0, len(images), batch):
            parts.append(module.encode(network_images(images[first : first + batch]).to(device)).cpu().numpy())
            if progress:
                progress(min(first + batch, len(images)), len(images))
    module.to("cpu")
    return np.concatenate(parts)
