"use strict";

// Plays the source with the new audio and the results together. The first result sets the time; the others follow it.
(() => {
  const player = document.getElementById("player");
  if (!player) return;
  // A follower that is off by more jumps; by less, it plays a little faster or slower. In seconds.
  const JUMP = 0.3;
  const EXACT = 0.015;
  const EVERY_MS = 40;

  const videos = [...player.querySelectorAll("video")];
  const master = videos.find((video) => video.dataset.video !== "before");
  const before = videos.find((video) => video.dataset.video === "before");
  // Without the source, the new audio has controls of its own.
  const audio = before ? player.querySelector("audio") : null;
  const button = player.querySelector("[data-play]");
  const position = player.querySelector("[data-position]");
  const time = player.querySelector("[data-time]");
  const problem = document.getElementById("player-problem");
  const seconds = (name) => (player.dataset[name] === undefined ? null : Number(player.dataset[name]) / 1000);
  const insert = seconds("insert");
  const start = seconds("start") ?? 0;
  const end = seconds("end") ?? Infinity;
  if (!master) return;
  const broken = new Set();
  let wanted = false;
  let timer = null;
  let seek = null;

  const playable = () => videos.filter((video) => !broken.has(video));
  const duration = () => Math.max(0, ...playable().map((video) => video.duration || 0));
  const hasAudio = () => audio && before && insert !== null && !broken.has(audio);
  // Where the new audio is when the video is at `at`; null: it is silent.
  const audioAt = (at) => {
    const there = at - insert + start;
    return there >= start && there < Math.min(end, audio.duration || 0) ? there : null;
  };

  const clock = (at) => `${Math.floor(at / 60)}:${(at % 60).toFixed(1).padStart(4, "0")}`;
  const show = () => {
    position.max = duration();
    if (!seek) position.value = master.currentTime;
    time.textContent = `${clock(master.currentTime)} of ${clock(duration())}`;
    position.setAttribute("aria-valuetext", time.textContent);
    button.textContent = wanted ? "Pause" : "Play";
  };

  const report = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };

  // Lets `follower` be at `target`, or come there soon.
  const follow = (follower, target) => {
    const ahead = follower.currentTime - target;
    if (follower.seeking) return;
    if (Math.abs(ahead) > JUMP) {
      follower.playbackRate = 1;
      follower.currentTime = target;
    } else {
      follower.playbackRate = Math.abs(ahead) < EXACT ? 1 : Math.min(1.5, Math.max(0.5, 1 - 2 * ahead));
    }
  };

  const isReady = (media) => media.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || media.ended;
  const resume = (media) => media.play().catch(() => {});

  const turn = () => {
    const all = playable();
    if (master.ended || all.every((video) => video.ended)) { rest(); return; }
    // All wait for one that has no data.
    if (!all.every(isReady)) {
      all.forEach((video) => video.pause());
      if (audio) audio.pause();
      show();
      return;
    }
    const now = master.currentTime;
    for (const video of all) {
      if (video !== master && now < (video.duration || 0)) follow(video, now);
      if (video.paused && !video.ended) resume(video);
    }
    if (hasAudio()) {
      const target = audioAt(before.currentTime);
      if (target === null) {
        audio.pause();
      } else {
        follow(audio, target);
        if (audio.paused) resume(audio);
      }
    }
    show();
  };

  const pause = () => {
    wanted = false;
    clearInterval(timer);
    timer = null;
    for (const media of [...videos, audio]) media?.pause();
    for (const media of playable()) media.playbackRate = 1;
    show();
  };

  // While they rest, all show the same moment. A move that has begun brings them together, too.
  const rest = () => {
    pause();
    if (!seek) seekTo(master.currentTime);
  };

  // The end of a move lets all play, if that is wanted then.
  const play = () => {
    if (wanted) return;
    wanted = true;
    show();
    const isOver = master.ended || master.currentTime >= duration() - 0.05;
    if (!seek) seekTo(isOver ? 0 : master.currentTime);
  };

  const arrived = (media) => new Promise((done) => {
    if (!media.seeking) { done(); return; }
    for (const event of ["seeked", "error"]) media.addEventListener(event, done, { once: true });
  });

  // Moves all to a time. During a move only the last wish counts.
  const seekTo = async (at) => {
    if (seek) { seek.next = at; return; }
    seek = { next: at };
    clearInterval(timer);
    timer = null;
    for (const media of [...videos, audio]) media?.pause();
    while (seek.next !== null) {
      const target = seek.next;
      seek.next = null;
      const moved = playable();
      for (const video of moved) {
        // A paused video may still continue for a frame. At rest, all videos are moved, also those at the target.
        if (!wanted || Math.abs(video.currentTime - target) > 0.001) video.currentTime = Math.min(target, video.duration || target);
      }
      if (hasAudio()) {
        moved.push(audio);
        const there = audioAt(target);
        if (there !== null) audio.currentTime = there;
      }
      await Promise.all(moved.map(arrived));
    }
    seek = null;
    show();
    if (wanted) {
      playable().forEach(resume);
      timer = setInterval(turn, EVERY_MS);
    }
  };

  // One of them is heard. A volume above 1 makes the other one quieter instead.
  const listen = () => {
    const chosen = player.querySelector("input[name=listen]:checked")?.value;
    for (const video of videos) video.muted = video.dataset.video !== chosen;
    const [volume, original] = [Number(player.dataset.volume), Number(player.dataset.original)];
    const loudest = Math.max(1, volume, original);
    if (before && audio) before.volume = original / loudest;
    if (audio) {
      audio.volume = volume / loudest;
      audio.muted = chosen !== "before";
    }
  };

  for (const media of [...videos, audio].filter(Boolean)) {
    media.controls = false;
    media.preload = "auto";
    media.preservesPitch = true;
    const fail = () => {
      broken.add(media);
      report("The browser cannot play one of the files. The file may be missing from its folder, or have another format.");
      if (media === master) { pause(); button.disabled = true; }
    };
    media.addEventListener("error", fail);
    if (media.error) fail();
    media.addEventListener("loadedmetadata", show);
  }
  if (audio) audio.hidden = true;
  for (const hidden of player.querySelectorAll(".controls, .listen")) hidden.hidden = false;
  for (const choice of player.querySelectorAll("input[name=listen]")) choice.addEventListener("change", listen);
  button.addEventListener("click", () => (wanted ? rest() : play()));
  position.addEventListener("input", () => seekTo(Number(position.value)));
  for (const video of videos) video.addEventListener("click", () => (wanted ? rest() : play()));
  listen();
  show();
})();
