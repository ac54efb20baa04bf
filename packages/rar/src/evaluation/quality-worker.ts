/** A thread that measures how close reconstructions are to their pictures. */
import { parentPort } from "node:worker_threads";
import { serve } from "../engines/rpc.js";
import type { RgbImage } from "../images/rgb.js";
import { psnr, ssim } from "./image-quality.js";

/** Of one picture. */
export interface Quality {
  /** dB; Infinity for a picture that came back as it was. */
  readonly psnr: number;
  /** Gaussian window; undefined for pictures smaller than it. */
  readonly ssim: number | undefined;
}

const windowSide = 11;

serve(parentPort!, {
  quality: (picture: RgbImage, reconstruction: RgbImage): Quality => ({
    psnr: psnr(picture, reconstruction),
    ssim: Math.min(picture.width, picture.height) < windowSide ? undefined : ssim(picture, reconstruction),
  }),
});
