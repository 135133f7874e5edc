package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"vmspec/results/report"
)

// A HostRun is what only the host knows of a run. It lies beside the run's log,
// as LOG.run.json.
type HostRun struct {
	Nonce   string   `json:"nonce"`            // of the report that the host waited for; empty for any
	Command []string `json:"command"`          // the VMM and its arguments
	Status  int      `json:"status"`           // the VMM's exit status, -1 if a signal ended it
	Signal  string   `json:"signal,omitempty"` // that signal, such as "SEGV"
	Killed  bool     `json:"killed"`           // the host ended it
	Lasted  bool     `json:"lasted"`           // because it did not end by itself
	Off     bool     `json:"off"`              // the guest's kernel said that it powers off
	Typed   int      `json:"typed,omitempty"`  // how many words the host typed for the guest, of which the VMM took some
	Acts    []Act    `json:"acts,omitempty"`
	// Left says that the command ended before the VM that it had started; Remained,
	// that something of it was still there and the host ended that.
	Left     bool    `json:"left,omitempty"`
	Remained bool    `json:"remained,omitempty"`
	Seconds  float64 `json:"seconds"`
	// Lacks is what the host's processor does not have, of what the texts ask only
	// where it is there: LacksAArch32 and so on.
	Lacks []string `json:"lacks,omitempty"`
	// Loader is the boot loader between firmware and kernel that handed over the device
	// tree; empty if none did, or nobody knows.
	Loader string `json:"loader,omitempty"`
	// Only and Skip are the requirements that the host's own command line chose and
	// left out, by their IDs.
	Only []string `json:"only,omitempty"`
	Skip []string `json:"skip,omitempty"`
	// Image is what the image's file was judged to be before the run, by ID.
	Image map[string]Judged `json:"image,omitempty"`
	// SectorSize is how many bytes the image's sectors were said to have; 0 if they were
	// as its partition table is.
	SectorSize int `json:"sector_size,omitempty"`
	// Variables is IMG-NO-VARIABLES in records of before there was Image.
	Variables *Judged `json:"variables,omitempty"`
	// Claims is what the VM was given, or what its vendor says of it; nil if nobody
	// said it.
	Claims *Claims `json:"claims,omitempty"`
	// Rebooted says that the host ended the VM since it booted once more.
	Rebooted bool `json:"rebooted,omitempty"`
	// Reset is what became of the VM when its guest reset it: ResetCameBack and so on;
	// empty if that was not seen.
	Reset string `json:"reset,omitempty"`
	// Series is set if the run was one of several boots of one VM.
	Series *Series `json:"series,omitempty"`
}

// A Judged is what the host found out by itself about a requirement.
type Judged struct {
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"`          // what was found, or is wrong
	Fix     string  `json:"fix,omitempty"` // of a failure
}

// HostRunSuffix makes the name of a run's file from that of its log.
const HostRunSuffix = ".run.json"

// maxHostRun bounds the file, in bytes: a command line is some thousand.
const maxHostRun = 1 << 20

// ReadHostRun reads what WriteTo wrote, and says what is wrong with anything
// else.
func ReadHostRun(r io.Reader) (*HostRun, error) {
	in := json.NewDecoder(io.LimitReader(r, maxHostRun))
	in.DisallowUnknownFields()
	var h HostRun
	if err := in.Decode(&h); err != nil {
		return nil, fmt.Errorf("not the record of a run: %w", err)
	}
	switch _, err := in.Token(); {
	case !errors.Is(err, io.EOF):
		return nil, errors.New("not the record of a run: more follows it")
	case len(h.Command) == 0:
		return nil, errors.New("not the record of a run: it names no command")
	}
	if h.Variables != nil && h.Image == nil {
		h.Image = map[string]Judged{noVariables: *h.Variables}
	}
	h.Variables = nil
	return &h, nil
}

// WriteTo writes the record as JSON.
func (h *HostRun) WriteTo(w io.Writer) (int64, error) {
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return 0, err
	}
	n, err := w.Write(append(text, '\n'))
	return int64(n), err
}

// offMark is what Linux says before it calls PSCI's SYSTEM_OFF
// (kernel/reboot.c, kernel_power_off), at the level that "quiet" shows too.
const offMark = "reboot: Power down"

// PowersOff tells whether a line of a guest says that it powers off.
func PowersOff(line string) bool { return strings.Contains(line, offMark) }

// A view is what the host knows, and what the guest saw and left to the host to
// judge.
type view struct {
	*HostRun
	stores string  // of variables that may be the running firmware's, on the disk that it booted
	quiet  string  // the terminals on which the guest read nothing, and got no interrupt
	uefi   Verdict // whether UEFI started the guest
}

// noVariables is the requirement that firmware may break while it boots.
const noVariables = "IMG-NO-VARIABLES"

// view takes what the guest saw out of the report.
func (r *Report) view(h *HostRun) view {
	v := view{HostRun: h}
	if p, ok := r.Point("FW-UEFI-BOOT"); ok {
		v.uefi = p.Verdict
	}
	for _, p := range r.Points {
		if p.ID == noVariables && p.Verdict == Skip && p.Reason == report.NeedsHost {
			v.stores = p.Found
		}
		if p.ID == "PLAT-CONSOLE-INPUT" && p.Reason == report.NobodyAnswered && strings.Contains(p.Found, report.NoInterrupt) {
			v.quiet = p.Found
		}
	}
	return v
}

// observers judge the points that a guest cannot. One whose verdict is neither
// Pass nor Fail has nothing to say.
var observers = map[string]func(view) (v Verdict, text string){
	uefiFirst: judgeFirst,
	"FW-VAR-INSTANCE": func(v view) (Verdict, string) {
		if v.stores == "" || v.Image[noVariables].Verdict != Pass {
			return Skip, ""
		}
		return Fail, "the firmware wrote into the image: " + v.stores
	},
	// The VMM may not pass on what the host typed. So the guest must have seen
	// nothing either: no input, and no interrupt.
	"PLAT-CONSOLE-INPUT": func(v view) (Verdict, string) {
		if !v.typed() || v.quiet == "" {
			return Skip, ""
		}
		return Fail, "the host typed what the guest asked for, and nothing came: " + v.quiet
	},
	"PLAT-PSCI-RESET": observeReset,
	"PLAT-PSCI-OFF": func(v view) (Verdict, string) {
		switch {
		case v.Off && v.Lasted:
			return Fail, "the guest powered off, and the VM did not end"
		case !v.Off || v.Killed || v.Remained:
			return Skip, ""
		case v.Signal != "" && v.Left:
			return Skip, "" // it ended the command, not the VM
		case v.Signal != "":
			return Fail, "the guest powered off, and the VMM was killed by signal " + v.Signal
		}
		return Pass, "the VM ended when its guest powered off"
	},
}

// ErrOtherRun says that a record is not that of a report's run.
var ErrOtherRun = errors.New("the record is of another run")

// Observe judges by the host's record what the guest could not, or what was
// otherwise before the boot, and keeps in Observed what it saw. The lines remain
// the guest's. A record of another run has no say: ErrOtherRun.
func (r *Report) Observe(h *HostRun) error {
	if h.Nonce != "" && h.Nonce != r.Nonce {
		return fmt.Errorf("%w: with the nonce %s, not %s", ErrOtherRun, h.Nonce, r.Nonce)
	}
	r.Choice.ByHost = r.Choice.Same(report.Choice{Only: h.Only, Skip: h.Skip})
	r.Lacks = h.Lacks
	seen := r.view(h)
	for i := range r.Points {
		p := &r.Points[i]
		if j := seen.judge(*p); j.Verdict == Pass || j.Verdict == Fail {
			p.Verdict, p.Reason, p.Found, p.Problem, p.Fix, p.Follows = j.Verdict, "", "", j.Text, j.Fix, ""
			if j.Verdict == Pass {
				p.Found, p.Problem = j.Text, ""
			}
			r.Observed = append(r.Observed, p.ID+" "+string(j.Verdict)+": "+j.Text)
			if p.ID == uefiFirst && j.Verdict == Fail {
				p.Follows = "FW-UEFI-BOOT"
			}
		}
		r.excuse(p)
	}
	r.loaded(h.Loader)
	if r.Appendix != nil {
		for i := range r.Appendix.Points {
			r.excuse(&r.Appendix.Points[i])
		}
	}
	r.takePart(h.Series)
	if len(h.Image) > 0 {
		r.imageUnderTest()
	}
	if h.Claims != nil { // a report without frames has nothing to compare
		_, _ = r.Claim(h.Claims)
	}
	return nil
}

// judge is the host's judgement in the guest's place; none leaves the point.
func (v view) judge(p Point) (j Judged) {
	if p.Party() == report.Image {
		return v.ofFile(p)
	}
	if j := v.inVain(p); j.Verdict != "" {
		return j
	}
	if observe := observers[p.ID]; observe != nil && (p.Needs() || p.Verdict == Skip && p.Reason == report.NobodyAnswered) {
		j.Verdict, j.Text = observe(v)
	}
	return j
}

// ofFile is the judgement on the image's file where the guest has none, or where
// the file failed: firmware may repair a disk before a guest looks at it.
func (v view) ofFile(p Point) Judged {
	j, judged := v.Image[p.ID]
	open := p.Verdict == Error || p.Verdict == Skip && !p.LeftOut()
	if !judged || !open && (p.Verdict != Pass || j.Verdict != Fail) {
		return Judged{}
	}
	j.Text = "before the boot: " + j.Text
	return j
}

// imageUnderTest gives another reason to points on an image that are still
// skipped: the host has an image, and this boot did not show it.
func (r *Report) imageUnderTest() {
	for i := range r.Points {
		if p := &r.Points[i]; p.Party() == report.Image && p.Verdict == Skip && p.Reason == report.NeedsImage {
			p.Reason = report.NeedsBoot
		}
	}
}
