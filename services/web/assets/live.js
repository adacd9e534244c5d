/**
 * A stream of server-sent events that comes back by itself.
 *
 *   const stream = live("/api/stream?kinds=events", {
 *     on: { record: (data, id) => …, reset: () => reloadEverything() },   // by name of the event
 *     onState: (state) => (badge.dataset.state = state),   // "connecting", "live", "lost", "gone"
 *   });
 *   stream.close();
 *
 * The browser itself resumes with Last-Event-ID after a broken connection. Where it gives up (an
 * answer that is not 200), the stream is opened anew with the last id as `last_event_id`, later and
 * later; `reset` is called then, since what came between may be missing. "gone" is a stream that the
 * server does not know (404). An event without a name is called "message".
 *
 * A browser has six connections to a host for all its tabs (HTTP/1.1), so a tab that nobody has
 * looked at for a while gives its own up, and goes on where it was once it is looked at again;
 * `staysOn: true` is for those that have something to say all the same.
 */
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 15_000;
const HIDDEN_MS_MAX = 5_000;

export function live(url, { on = {}, onState = () => {}, staysOn = false }) {
  let source = null;
  let timer = null;
  let waitMs = WAIT_MS_MIN;
  let lastId = "";
  let isClosed = false;
  let isFirst = true;
  let isResting = false;
  let restTimer = null;

  const deliver = (name) => (event) => {
    if (event.lastEventId) {
      lastId = event.lastEventId;
    }
    on[name]?.(event.data ? JSON.parse(event.data) : null, event.lastEventId);
  };

  function open() {
    clearTimeout(timer);
    source?.close();
    onState(isFirst ? "connecting" : "lost");
    source = new EventSource(lastId ? withLastId(url, lastId) : url);
    for (const name of new Set(["message", "reset", ...Object.keys(on)])) {
      source.addEventListener(name, deliver(name));
    }
    source.onopen = () => {
      waitMs = WAIT_MS_MIN;
      isFirst = false;
      onState("live");
    };
    source.onerror = () => {
      if (isClosed || isResting) {
        return;
      }
      onState("lost");
      if (source.readyState === EventSource.CLOSED) {
        reopenLater();
      }
    };
  }

  async function reopenLater() {
    if (await isGone(url)) {
      close();
      onState("gone");
      return;
    }
    timer = setTimeout(() => {
      if (!isClosed && !isResting) {
        open();
        on.reset?.(null, "");
      }
    }, waitMs);
    waitMs = Math.min(waitMs * 2, WAIT_MS_MAX);
  }

  function rest() {
    isResting = true;
    clearTimeout(timer);
    source?.close();
  }

  function onVisibility() {
    clearTimeout(restTimer);
    if (document.visibilityState === "hidden") {
      restTimer = setTimeout(rest, HIDDEN_MS_MAX);
    } else if (isResting) {
      isResting = false;
      open();
      if (!lastId) {
        on.reset?.(null, "");
      }
    }
  }

  function onOnline() {
    if (!isResting && source?.readyState === EventSource.CLOSED) {
      open();
    }
  }

  function close() {
    isClosed = true;
    clearTimeout(timer);
    clearTimeout(restTimer);
    source?.close();
    removeEventListener("online", onOnline);
    document.removeEventListener("visibilitychange", onVisibility);
  }

  addEventListener("online", onOnline);
  if (!staysOn) {
    document.addEventListener("visibilitychange", onVisibility);
    onVisibility();
  }
  open();
  return { close };
}

function withLastId(url, id) {
  return `${url}${url.includes("?") ? "&" : "?"}last_event_id=${encodeURIComponent(id)}`;
}

/** True where the server answers, and knows no such stream. */
async function isGone(url) {
  const stop = new AbortController();
  try {
    const answer = await fetch(url, {
      signal: stop.signal,
      headers: { Accept: "text/event-stream" },
    });
    return answer.status === 404;
  } catch {
    return false;
  } finally {
    stop.abort();
  }
}
