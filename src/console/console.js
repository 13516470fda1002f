// Says what a range selects while it is moved. Without it, the button "Show" does the same.
"use strict";
for (const form of document.querySelectorAll("form[data-selection]")) {
  const line = form.querySelector(".selection");
  const sliders = [...form.querySelectorAll("input[type=range]")];
  let latest = 0;
  const tell = async () => {
    const own = ++latest;
    const query = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.dataset.selection + "?" + query, { credentials: "same-origin" });
    const text = answer.ok ? await answer.text() : "The count cannot be read now.";
    if (own === latest) line.textContent = text;
  };
  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      const [from, to] = sliders;
      if (Number(from.value) > Number(to.value)) (slider === from ? to : from).value = slider.value;
      for (const one of sliders) form.querySelector(`output[for=${one.id}]`).value = one.value + " %";
      clearTimeout(form.pause);
      form.pause = setTimeout(tell, 120);
    });
  }
}
for (const form of document.querySelectorAll("form[data-confirm]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.confirm)) event.preventDefault();
  });
}
