// Fetches the page again and replaces what it shows, so that the reader's place is kept. When that fails the
// page says so: an old page must not look like a quiet night.
(() => {
  const pause = Number(document.currentScript.dataset.seconds) * 1000;
  const lost = document.getElementById("lost");
  const since = () => new Date().toLocaleTimeString();
  const say = (why) => {
    if (lost.classList.contains("on")) return;
    lost.querySelector("span").textContent = `No connection since ${since()} (${why}). What you see is old.`;
    lost.classList.add("on");
  };
  const refresh = async () => {
    if (document.hidden || document.getSelection()?.type === "Range") return;
    try {
      const answer = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(pause) });
      if (!answer.ok && answer.status !== 404) { say(`HTTP ${answer.status}`); return; }
      // The new page's style carries a nonce that is not this page's, and would only be refused.
      const html = (await answer.text()).replace(/<style[^]*?<\/style>/, "");
      const fresh = new DOMParser().parseFromString(html, "text/html");
      const open = [...document.querySelectorAll("details[open][id]")].map((d) => d.id);
      document.title = fresh.title;
      for (const part of ["main", "footer"]) {
        document.querySelector(part).replaceWith(document.adoptNode(fresh.querySelector(part)));
      }
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      lost.classList.remove("on");
    } catch (error) {
      say(error.name === "TimeoutError" ? "timeout" : "unreachable");
    }
  };
  setInterval(refresh, pause);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
})();
