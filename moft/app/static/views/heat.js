/** Maps of likeness over a picture: amber alike, blue the other way, clear for nothing in common. */

const AMBER = [255, 176, 32];
const BLUE = [64, 128, 255];
const STRONGEST = 200; // of 255, alpha of a cosine of one

/** @param {{values: string, bytes?: Uint8Array}} map base64 of uint8 */
export function bytesOf(map) {
  map.bytes ??= Uint8Array.from(atob(map.values), (one) => one.charCodeAt(0));
  return map.bytes;
}

/**
 * @param {{values: string, bytes?: Uint8Array, floats?: Float32Array}} map base64 of float32, little endian
 */
export function floatsOf(map) {
  map.floats ??= new Float32Array(bytesOf(map).buffer);
  return map.floats;
}

/** Paint one frame of a map, a px a cell; the page stretches it. @param {HTMLCanvasElement} canvas */
export function heatOf(canvas, bytes, { rows, columns, frames }, frame) {
  [canvas.width, canvas.height] = [columns, rows];
  const to = canvas.getContext("2d");
  const picture = to.createImageData(columns, rows);
  const start = Math.min(frame, frames - 1) * rows * columns;
  for (let i = 0; i < rows * columns; i++) {
    const cosine = (bytes[start + i] / 255) * 2 - 1;
    picture.data.set(cosine > 0 ? AMBER : BLUE, 4 * i);
    picture.data[4 * i + 3] = Math.abs(cosine) ** 1.5 * STRONGEST;
  }
  to.putImageData(picture, 0, 0);
}
