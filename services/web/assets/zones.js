/** Times on a restaurant's wall clock, as a datetime-local field has them: "2026-05-01T18:30". */

const PARTS = {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
};

/** What the clock in the zone shows at an instant (milliseconds). */
export function wallOf(instantMs, zone) {
  const format = new Intl.DateTimeFormat("en-GB", { ...PARTS, hourCycle: "h23", timeZone: zone });
  const part = Object.fromEntries(
    format.formatToParts(new Date(instantMs)).map((each) => [each.type, each.value]),
  );
  return `${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}`;
}

/** The instant in milliseconds, or null where the clock leaps over that time. */
export function instantOf(wall, zone) {
  const asUtc = Date.parse(`${wall}Z`);
  if (Number.isNaN(asUtc)) {
    return null;
  }
  let instant = asUtc;
  for (let round = 0; round < 3; round += 1) {
    instant += asUtc - Date.parse(`${wallOf(instant, zone)}Z`);
  }
  return wallOf(instant, zone) === wall.slice(0, 16) ? instant : null;
}

/** The zone where the browser knows it, or else that of the browser. */
export function knownZone(zone) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) {
    return own;
  }
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return own;
  }
}

export const ownZone = () => knownZone(null);
