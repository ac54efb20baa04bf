/** The one picture type of the program. */

/** An 8-bit RGB picture, rows from the top, three bytes a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** width * height * 3 bytes */
  readonly data: Uint8Array;
}
