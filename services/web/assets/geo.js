/** Distances on the earth. */
export const EARTH_RADIUS_M = 6_371_008.8;

/** The way between two locations in metres, as the bird flies. */
export function distanceM(start, end) {
  const rad = Math.PI / 180;
  const half = (degrees) => Math.sin((degrees * rad) / 2) ** 2;
  const slope = Math.cos(start.latitude * rad) * Math.cos(end.latitude * rad);
  const sum = half(end.latitude - start.latitude) + slope * half(end.longitude - start.longitude);
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(Math.min(1, sum)));
}
