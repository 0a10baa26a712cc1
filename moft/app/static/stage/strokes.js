/** Strokes of a hand: fewer places along the same line, and places in time. */

/** The same line to so many px, with fewer places (Douglas and Peucker). */
export function simplified(points, within) {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  let [far, index] = [-1, 0];
  for (let i = 1; i < points.length - 1; i++) {
    const off = distance(points[i], a, b);
    if (off > far) [far, index] = [off, i];
  }
  if (far <= within) return [a, b];
  return [
    ...simplified(points.slice(0, index + 1), within).slice(0, -1),
    ...simplified(points.slice(index), within),
  ];
}

/** How far a place lies from the line between two others. */
export function distance({ x, y }, a, b) {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const whole = dx * dx + dy * dy;
  const share = whole ? Math.min(Math.max(((x - a.x) * dx + (y - a.y) * dy) / whole, 0), 1) : 0;
  return Math.hypot(x - a.x - share * dx, y - a.y - share * dy);
}

/**
 * Places as keys between two frames: at even moments, or at an even speed ("length"); never two in one frame.
 */
export function spread(points, first, last, how) {
  const lengths = [0];
  for (let i = 1; i < points.length; i++) {
    const step =
      how === "length" ? Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y) : 1;
    lengths.push(lengths[i - 1] + step);
  }
  const whole = lengths[lengths.length - 1] || 1;
  let before = first - 1;
  return points.map((at, i) => {
    const most = last - (points.length - 1 - i);
    const frame = Math.min(
      Math.max(Math.round(first + ((last - first) * lengths[i]) / whole), before + 1),
      most,
    );
    before = frame;
    return { frame, x: at.x, y: at.y };
  });
}
