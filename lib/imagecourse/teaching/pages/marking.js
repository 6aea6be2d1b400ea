"use strict";
const page = document.querySelector("main.marking");
const saves = page.dataset.saves === "yes";
const place = "imagecourse-marks-" + page.dataset.key;
const questions = [...document.querySelectorAll("section.question")];
const links = [...document.querySelectorAll("nav.questions a")];
const kept = saves ? {} : JSON.parse(localStorage.getItem(place) || "{}");

const shown = () => questions.find((question) => !question.hidden);
const cards = () => [...shown().querySelectorAll(".answer")];
const points = (card) => card.querySelector("input");
const comment = (card) => card.querySelector("textarea");
const name = (card) => [card.dataset.student, card.dataset.chapter, card.dataset.exercise].join("\n");

function say(card, text, kind) {
  const note = card.querySelector(".note");
  note.textContent = text;
  note.className = "note " + kind;
}

function show(number) {
  questions.forEach((question, index) => { question.hidden = index !== number; });
  links.forEach((link, index) => {
    if (index === number) { link.setAttribute("aria-current", "true"); } else { link.removeAttribute("aria-current"); }
  });
  window.scrollTo(0, 0);
}

function count() {
  questions.forEach((question, index) => {
    const waiting = [...question.querySelectorAll(".answer")].filter((card) => card.dataset.waiting === "yes").length;
    links[index].querySelector(".waiting").textContent = waiting || "";
  });
}

function read(card) {
  return {
    student: card.dataset.student, chapter: card.dataset.chapter, exercise: card.dataset.exercise,
    points: points(card).value.trim(), comment: comment(card).value.trim(),
  };
}

function wrong(card) {
  const text = points(card).value.trim().replace(",", ".");
  const most = Number(card.dataset.most);
  return text !== "" && !(Number(text) >= 0 && Number(text) <= most) ? "points from 0 to " + most : "";
}

async function save(card) {
  const entry = read(card);
  const text = JSON.stringify(entry);
  if (text === card.dataset.saved) { return; }
  if (wrong(card)) { say(card, wrong(card), "failed"); return; }
  card.dataset.saved = text;
  if (saves) {
    say(card, "saving …", "");
    try {
      const reply = await fetch("save", { method: "POST", headers: { "Content-Type": "application/json" }, body: text });
      if (!reply.ok) { throw new Error((await reply.json()).error); }
    } catch (error) {
      card.dataset.saved = "";
      say(card, "not saved: " + error.message, "failed");
      return;
    }
  } else {
    kept[name(card)] = entry;
    localStorage.setItem(place, JSON.stringify(kept));
  }
  card.dataset.waiting = entry.points === "" && card.dataset.byhand === "yes" ? "yes" : "no";
  say(card, saves ? "saved" : "kept in this browser", "passed");
  count();
}

function focusCard(card) {
  if (card) { card.focus(); card.scrollIntoView({ block: "nearest" }); }
}

function move(card, step) {
  const all = cards();
  focusCard(all[card ? Math.max(0, Math.min(all.length - 1, all.indexOf(card) + step)) : 0]);
}

function nextWaiting(card) {
  const all = cards();
  const after = [...all.slice(all.indexOf(card) + 1), ...all];
  focusCard(after.find((other) => other.dataset.waiting === "yes") || card);
}

function turn(step) {
  const number = questions.indexOf(shown()) + step;
  if (number >= 0 && number < questions.length) { show(number); move(null, 0); }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) { return; }
  const card = event.target.closest(".answer");
  const field = event.target.matches("input, textarea");
  if (field && event.key === "Escape") { focusCard(card); return; }
  if (field && event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    save(card).then(() => nextWaiting(card));
    return;
  }
  if (field) { return; }
  const actions = {
    j: () => move(card, 1), ArrowDown: () => move(card, 1), k: () => move(card, -1), ArrowUp: () => move(card, -1),
    n: () => nextWaiting(card), "]": () => turn(1), "[": () => turn(-1),
    c: () => card && comment(card).focus(), Enter: () => card && points(card).select(),
  };
  if (card && /^[0-9.,]$/.test(event.key)) {
    points(card).value = event.key;
    points(card).focus();
    event.preventDefault();
  } else if (actions[event.key]) {
    event.preventDefault();
    actions[event.key]();
  }
}

function download() {
  const columns = ["student", "chapter", "exercise", "points", "comment"];
  const quote = (text) => '"' + String(text).replaceAll('"', '""') + '"';
  const rows = Object.values(kept).map((entry) => columns.map((column) => quote(entry[column])).join(","));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([[columns.join(","), ...rows].join("\n") + "\n"], { type: "text/csv" }));
  link.download = "marks-by-hand.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

document.querySelectorAll(".answer").forEach((card) => {
  const before = kept[name(card)];
  if (before) {
    points(card).value = before.points;
    comment(card).value = before.comment;
    card.dataset.waiting = before.points === "" && card.dataset.byhand === "yes" ? "yes" : "no";
    say(card, "kept in this browser", "passed");
  }
  card.dataset.saved = JSON.stringify(read(card));
  card.addEventListener("change", () => save(card));
});
links.forEach((link, number) => link.addEventListener("click", (event) => { event.preventDefault(); show(number); }));
document.addEventListener("keydown", onKey);
const button = document.querySelector("button.download");
if (button) { button.addEventListener("click", download); }
if (questions.length) { show(0); count(); }
