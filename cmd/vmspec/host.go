package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"vmspec/cmd/vmspec/internal/imagefile"
	"vmspec/cmd/vmspec/internal/vmm"
	"vmspec/results"
)

// observe keeps what the host saw of a run beside its log, and judges by it
// what the guest could not.
func (w *watchFlags) observe(r vmm.Run, out *vmm.Outcome) error {
	h := &results.HostRun{
		Nonce: r.Nonce, Command: r.Command, Seconds: out.Took.Seconds(),
		Status: out.Status, Signal: out.Signal, Killed: out.Killed, Lasted: out.Reason == vmm.Lasted, Off: out.Off,
		Left: out.Left, Remained: out.Remained, Typed: out.Typed, Acts: w.server.acts(),
		Lacks: w.lacks, Loader: w.loader,
		Only: w.chosen.Only, Skip: w.chosen.Skip,
		Image: w.image, SectorSize: int(w.sector), Claims: w.vm.claims,
		Rebooted: out.Killed && out.Reason == vmm.Rebooted,
		Reset:    w.part.resetOf(out), Series: w.part.end(out),
	}
	if whole(out) { // what is damaged may have lost its nonce
		if err := observe(out.Report, h); err != nil {
			return err
		}
	}
	if info, err := os.Stat(w.log); err != nil || !info.Mode().IsRegular() {
		return nil // no log, or a device: nothing is kept
	}
	var text bytes.Buffer
	_, err := h.WriteTo(&text)
	if err == nil {
		err = writeFile(w.log+results.HostRunSuffix, text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("--log: %w", err)
	}
	return nil
}

// judgeImage judges an image's file before a run, as image check does of a disk with
// such sectors. It returns the verdicts by ID.
func judgeImage(f *imagefile.Image, sector int) (map[string]results.Judged, error) {
	report, err := checkImage(f, sector, "", "")
	if err != nil {
		return nil, err
	}
	out := map[string]results.Judged{}
	for _, p := range report.Points {
		out[p.ID] = results.Judged{Verdict: p.Verdict, Text: judgedText(p), Fix: p.Fix}
	}
	return out, nil
}

// imageFaults lists what an image's file fails, which may be why nothing was started.
func imageFaults(image map[string]results.Judged) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(image)) {
		if j := image[id]; j.Verdict == results.Fail {
			fmt.Fprintf(&b, "\nthe image fails %s: %s\n  fix: %s", id, results.OneLine(j.Text), results.OneLine(j.Fix))
		}
	}
	return b.String()
}

// judgedText is what was found, is wrong, or is missing.
func judgedText(p results.Point) string {
	switch p.Verdict {
	case results.Pass:
		return p.Found
	case results.Skip:
		return p.Reason
	}
	return p.Problem
}

// observe adds to what the host judged what is to be done about it.
func observe(report *results.Report, h *results.HostRun) error {
	if err := report.Observe(h); err != nil {
		return err
	}
	addFixes(report)
	return nil
}
