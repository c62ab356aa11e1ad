"""Random variations of drawings (place, size, angle, hue, background, light) and the name of their main colour."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

_RGB_TO_YIQ = torch.tensor([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
_YIQ_TO_RGB = torch.linalg.inv(_RGB_TO_YIQ)


def name_pixels(rgb: torch.Tensor) -> torch.Tensor:
    """Returns the colour of every pixel as an index into COLOURS_EN, for rgb [batch, 3, height, width] in 0..1."""
    value, _ = rgb.max(1)
    chroma = value - rgb.min(1)[0]
    saturation = chroma / (value + 1e-6)
    red, green, blue = rgb.unbind(1)
    hue = 60 * torch.where(
        value == red,
        ((green - blue) / (chroma + 1e-6)) % 6,
        torch.where(value == green, (blue - red) / (chroma + 1e-6) + 2, (red - green) / (chroma + 1e-6) + 4),
    )
    names = torch.full_like(hue, 11, dtype=torch.long)
    coloured = (saturation > 0.28) & (value > 0.25)
    # Hue bands in degrees as (from, to, colour). Red is done above, because its band wraps round.
    names[coloured & ((hue < 14) | (hue >= 345))] = 0
    for low, high, colour in ((14, 40, 1), (40, 66, 2), (66, 165, 3), (165, 200, 4), (200, 252, 5), (252, 295, 6), (295, 345, 7)):
        names[coloured & (hue >= low) & (hue < high)] = colour
    names[coloured & ((hue < 14) | (hue >= 335)) & (saturation < 0.6) & (value > 0.75)] = 7
    names[coloured & (hue >= 8) & (hue < 45) & (value < 0.68)] = 8
    names[~coloured & (value > 0.85)] = 9
    names[~coloured & (value < 0.3)] = 10
    return names


def main_colour(rgb: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """Returns the colour that covers most of each drawing, or -1 where none stands out."""
    names = name_pixels(rgb)
    inside = (alpha[:, 0] > 0.5).float()
    counts = torch.stack([((names == c).float() * inside).flatten(1).sum(1) for c in range(12)], 1)
    # Black, white and grey are often outlines and highlights, so they count for less than other colours.
    weights = torch.ones(12)
    weights[9:] = torch.tensor([0.6, 0.6, 0.7])
    best = (counts * weights).argmax(1)
    share = counts.gather(1, best[:, None])[:, 0] / counts.sum(1).clamp(min=1)
    return torch.where(share > 0.42, best, torch.full_like(best, -1))


def _hue_rotation(angle: torch.Tensor) -> torch.Tensor:
    """Returns RGB matrices [batch, 3, 3] that turn the hue by angles in radians."""
    rotation = torch.zeros(len(angle), 3, 3)
    rotation[:, 0, 0] = 1
    rotation[:, 1, 1] = rotation[:, 2, 2] = torch.cos(angle)
    rotation[:, 2, 1] = torch.sin(angle)
    rotation[:, 1, 2] = -rotation[:, 2, 1]
    return _YIQ_TO_RGB @ rotation @ _RGB_TO_YIQ


def _chance(batch: int, probability: float) -> torch.Tensor:
    """Returns booleans [batch] that are true with a probability."""
    return torch.rand(batch) < probability


def plain(pixels: torch.Tensor, size: int) -> torch.Tensor:
    """Returns drawings, uint8 [batch, height, width, 4], on white with a small margin and without randomness."""
    x = pixels.permute(0, 3, 1, 2).float() / 255
    premultiplied = torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], 1)
    transform = torch.tensor([[1.12, 0, 0], [0, 1.12, 0]]).expand(len(x), 2, 3)
    y = _warp(premultiplied, transform, size)
    return (y[:, :3] + (1 - y[:, 3:])).clamp(0, 1)


def _warp(x: torch.Tensor, transform: torch.Tensor, size: int) -> torch.Tensor:
    """Returns pictures [batch, 4, size, size] under affine transforms [batch, 2, 3]; the outside is transparent."""
    grid = F.affine_grid(transform, [len(x), 4, size, size], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def varied(pixels: torch.Tensor, size: int, recoloured: float = 0.15) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns random pictures [batch, 3, size, size] of drawings, uint8 [batch, height, width, 4], and their colours.

    The colour is the main one after the change of hue, or -1 where none stands out.
    """
    batch = len(pixels)
    x = pixels.permute(0, 3, 1, 2).float() / 255
    rgb, alpha = x[:, :3], x[:, 3:]

    # All get a small shift of hue and some get any hue, so that "a blue car" exists beside "a red car".
    angle = torch.where(_chance(batch, recoloured), torch.rand(batch) * 2 * math.pi, torch.randn(batch) * 0.12)
    recolour = _hue_rotation(angle)
    small_alpha = F.avg_pool2d(alpha, 8)
    small = F.avg_pool2d(rgb * alpha, 8) / (small_alpha + 1e-4)
    colour = main_colour((recolour @ small.flatten(2)).view_as(small).clamp(0, 1), small_alpha)

    scale = torch.empty(batch).uniform_(0.75, 1.9)
    turn = torch.where(_chance(batch, 0.1), torch.rand(batch) * 2 * math.pi, torch.randn(batch) * 0.18)
    aspect, shear = torch.exp(torch.randn(batch) * 0.15), torch.randn(batch) * 0.08
    flip = torch.where(_chance(batch, 0.5), -1.0, 1.0)
    reach = (scale - 0.75).clamp(min=0.12) * 0.6
    shift_x, shift_y = (torch.rand(2, batch) * 2 - 1) * reach
    cos, sin = torch.cos(turn), torch.sin(turn)
    transform = torch.stack(
        [
            torch.stack([scale * aspect * cos * flip, -scale * sin + shear, shift_x], 1),
            torch.stack([scale * sin * flip, scale / aspect * cos, shift_y], 1),
        ],
        1,
    )
    warped = _warp(torch.cat([rgb * alpha, alpha], 1), transform, size)
    drawing, cover = warped[:, :3], warped[:, 3:]
    drawing = (recolour @ drawing.flatten(2)).view_as(drawing)

    # The background is white or a random colour, half of the time with soft noise.
    background = torch.rand(batch, 3, 1, 1)
    background = torch.where(_chance(batch, 0.45)[:, None, None, None], torch.ones_like(background), background)
    noise = 0.25 * F.interpolate(torch.randn(batch, 3, 5, 5), size=(size, size), mode="bilinear")
    noise = noise + 0.12 * F.interpolate(torch.randn(batch, 3, 14, 14), size=(size, size), mode="bilinear")
    noise = noise * _chance(batch, 0.5).float()[:, None, None, None]
    picture = drawing + (1 - cover) * (background + noise).clamp(0, 1)

    # Light varies in saturation, contrast and brightness; some pictures lose all colour, and all get a little noise.
    grey = picture.mean(1, keepdim=True)
    picture = grey + (picture - grey) * torch.empty(batch, 1, 1, 1).uniform_(0.7, 1.3)
    mean = picture.mean((1, 2, 3), keepdim=True)
    picture = mean + (picture - mean) * torch.empty(batch, 1, 1, 1).uniform_(0.75, 1.25)
    picture = picture * torch.empty(batch, 1, 1, 1).uniform_(0.75, 1.2)
    colourless = _chance(batch, 0.05)
    picture = torch.where(colourless[:, None, None, None], picture.mean(1, keepdim=True).expand_as(picture), picture)
    colour = torch.where(colourless, torch.full_like(colour, -1), colour)
    picture = picture + torch.randn(batch, 1, 1, 1) * 0.02
    picture = picture + torch.randn_like(picture) * torch.rand(batch, 1, 1, 1) * 0.04
    return picture.clamp(0, 1), colour
