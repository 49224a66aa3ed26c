if (typeof document !== "undefined") {
  const verdict = make("p", "", { role: "status" }), rows = make("dl", undefined, { class: "mono" });
  const section = make("section", [make("h2", "What L1 accepts", { id: "l1-title" }), verdict, rows], { "aria-labelledby": "l1-title" });
  try {
    const l1 = JSON_EXACT($("l1").textContent), state = provenState(l1), contracts = new Contracts(l1.bridgehub, state);
    const records = [].concat(JSON_EXACT($("bundle").textContent)).filter((record) => record.proof), roots = new Map(), layers = new Set();
    if (!records.length) throw unjudged("there is no proof in this file");
    for (const record of records) {
      const accepted = checkAccepted(contracts, record);
      roots.set(accepted.contract + accepted.slot, accepted);
      if (accepted.through) layers.add(accepted.through);
    }
    verdict.textContent = "✓ If the block " + l1.hash + " (" + state.number + ") is a block of L1, and " + l1.bridgehub + " is its Bridgehub, L1 accepts " + (records.length === 1 ? "the proof" : "all " + records.length + " proofs") + " in this file as of this block";
    verdict.className = "good";
    for (const { chain, batch, name, contract, slot, root } of roots.values())
      rows.append(make("dt", "batch " + batch + " of chain " + chain), make("dd", root + " in " + name + " " + contract + ", slot " + slot));
    for (const layer of layers) rows.append(make("dt", "settlement layer"), make("dd", layer));
    section.append(make("p", "This browser checked the header against the hash of the block, and the slots against the header. By these slots it judged what the contracts check: the stored roots and the accepted settlement layers. Anyone can make a block: compare the hash and the address of Bridgehub with sources that you trust.", { class: "dim" }));
    $("trust").textContent = "The proof is folded in this browser, and judged by the state of L1 in this file. Everything here is public data.";
  } catch (error) {
    verdict.textContent = verdictOf(error);
    verdict.className = refuses(error) ? "bad" : "";
  }
  $("proof").after(section);
}
