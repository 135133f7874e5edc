package results

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vmspec/results/report"
)

// Claims are what a vendor says that a VM has. What is nil is not claimed.
type Claims struct {
	CPUs     *uint64      `json:"cpus,omitempty"`
	Memory   *uint64      `json:"memory,omitempty"` // MiB
	GIC      *uint64      `json:"gic,omitempty"`    // its version
	Consoles *[]string    `json:"consoles,omitempty"`
	Disks    *[]DiskClaim `json:"disks,omitempty"`
	NICs     *uint64      `json:"nics,omitempty"`
	RNG      *uint64      `json:"rng,omitempty"`
	Balloon  *uint64      `json:"balloon,omitempty"`
	TPM      *uint64      `json:"tpm,omitempty"`
	// More says that the VM may have more than that.
	More bool `json:"more,omitempty"`
}

// A DiskClaim is a disk that a VM has.
type DiskClaim struct {
	Name  string `json:"name,omitempty"` // the vendor's; empty for none
	Bytes uint64 `json:"bytes"`
}

// The kinds of differences.
const (
	Missing       = "declared, not described"
	Undeclared    = "described, not declared"
	Contradictory = "contradiction"
)

// A Difference is a claim that the guest does not confirm, or something that no
// claim names.
type Difference struct {
	Key  string // of the claim
	Kind string
	What string
}

func (d Difference) String() string { return d.Kind + ": " + d.What }

// A comparison compares the claims of one key with what the guest saw. It is false if either
// is unknown.
type comparison struct {
	key     string
	compare func(c *Claims, s *report.Seen) (differences []Difference, known bool)
}

// comparisons are the keys of claims, in the order in which differences are
// reported.
var comparisons = []comparison{
	counted("cpus", "CPU", func(c *Claims) *uint64 { return c.CPUs }),
	{"memory", compareMemory},
	{"gic", compareGIC},
	{"consoles", compareConsoles},
	{"disks", compareDisks},
	counted("nics", "network device", func(c *Claims) *uint64 { return c.NICs }),
	counted("rng", "entropy device", func(c *Claims) *uint64 { return c.RNG }),
	counted("balloon", "balloon", func(c *Claims) *uint64 { return c.Balloon }),
	counted("tpm", "TPM", func(c *Claims) *uint64 { return c.TPM }),
}

// Compare returns what the claims and the guest disagree on, and the keys of claims
// on which the guest could not tell anything.
func (c *Claims) Compare(s *report.Seen) (differences []Difference, unknown []string) {
	for _, by := range comparisons {
		found, known := by.compare(c, s)
		if !known && c.claims(by.key) {
			unknown = append(unknown, by.key)
		}
		for _, d := range found {
			if d.Key = by.key; d.Kind != Undeclared || !c.More {
				differences = append(differences, d)
			}
		}
	}
	return differences, unknown
}

// claims tells whether anything is claimed by a key.
func (c *Claims) claims(key string) bool {
	claimed := map[string]bool{
		"cpus": c.CPUs != nil, "memory": c.Memory != nil, "gic": c.GIC != nil, "consoles": c.Consoles != nil, "disks": c.Disks != nil,
		"nics": c.NICs != nil, "rng": c.RNG != nil, "balloon": c.Balloon != nil, "tpm": c.TPM != nil,
	}
	return claimed[key]
}

// counted compares a number of things.
func counted(key, noun string, of func(*Claims) *uint64) comparison {
	return comparison{key, func(c *Claims, s *report.Seen) ([]Difference, bool) {
		described, seen := s.Numbers[key]
		claimed := of(c)
		if claimed == nil || !seen {
			return nil, false
		}
		most := described
		if key == report.SeenCPUs { // those that are online capable may be declared or not
			most += s.Numbers[report.SeenCapable]
		}
		both := fmt.Sprintf(" (%d declared, %d described)", *claimed, described)
		switch {
		case *claimed > most:
			return []Difference{{Kind: Missing, What: many(*claimed-most, noun) + both}}, true
		case *claimed < described:
			return []Difference{{Kind: Undeclared, What: many(described-*claimed, noun) + both}}, true
		}
		return nil, true
	}}
}

// many writes a number of things: "1 CPU", "2 CPUs".
func many(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Without a description of the memory only Linux's RAM is known. The firmware has
// taken at most this much of the memory, in MiB and as a part of all.
const (
	firmwareMost  = 64
	firmwareShare = 16
)

func compareMemory(c *Claims, s *report.Seen) ([]Difference, bool) {
	if c.Memory == nil {
		return nil, false
	}
	claimed := *c.Memory
	have, described := s.Numbers[report.SeenMemory]
	spare, how := uint64(0), "described"
	if !described {
		ram, known := s.Numbers[report.SeenRAM]
		if !known {
			return nil, false
		}
		have, spare, how = ram, max(firmwareMost, claimed/firmwareShare), "in Linux"
	}
	both := fmt.Sprintf(" of memory (%d MiB declared, %d MiB %s)", claimed, have, how)
	switch {
	case claimed > have+spare:
		return []Difference{{Kind: Missing, What: fmt.Sprintf("%d MiB", claimed-have) + both}}, true
	case claimed < have:
		return []Difference{{Kind: Undeclared, What: fmt.Sprintf("%d MiB", have-claimed) + both}}, true
	}
	return nil, true
}

// compareGIC takes a GICv4 for a GICv3: Linux drives it as one.
func compareGIC(c *Claims, s *report.Seen) ([]Difference, bool) {
	seen, known := s.Numbers[report.SeenGIC]
	if c.GIC == nil || !known {
		return nil, false
	}
	if *c.GIC == seen || min(*c.GIC, seen) == 3 && max(*c.GIC, seen) == 4 {
		return nil, true
	}
	return []Difference{{Kind: Contradictory, What: fmt.Sprintf("GICv%d is declared, the guest has a GICv%d", *c.GIC, seen)}}, true
}

func compareConsoles(c *Claims, s *report.Seen) (out []Difference, known bool) {
	if c.Consoles == nil || s.Consoles == nil {
		return nil, false
	}
	missing, more := difference(*c.Consoles, s.Consoles, func(a, b string) bool { return a == b })
	for _, kind := range missing {
		out = append(out, Difference{Kind: Missing, What: "a console: " + kind})
	}
	for _, kind := range more {
		out = append(out, Difference{Kind: Undeclared, What: "a console: " + kind})
	}
	return out, true
}

// difference returns what is only in a and only in b, of lists in which things may be
// there more than once.
func difference[A, B any](a []A, b []B, same func(A, B) bool) (onlyA []A, onlyB []B) {
	onlyB = slices.Clone(b)
	for _, x := range a {
		at := slices.IndexFunc(onlyB, func(y B) bool { return same(x, y) })
		if at < 0 {
			onlyA = append(onlyA, x)
			continue
		}
		onlyB = slices.Delete(onlyB, at, at+1)
	}
	return onlyA, onlyB
}

// Sizes of disks that differ by less than this are the same: VMMs round.
const diskRounding = 1 << 20

func compareDisks(c *Claims, s *report.Seen) (out []Difference, known bool) {
	if c.Disks == nil || s.Disks == nil {
		return nil, false
	}
	missing, more := difference(*c.Disks, s.Disks, func(a DiskClaim, b report.Disk) bool {
		return max(a.Bytes, b.Bytes)-min(a.Bytes, b.Bytes) < diskRounding
	})
	paired := min(len(missing), len(more))
	for i, d := range missing[:paired] {
		out = append(out, Difference{Kind: Contradictory, What: fmt.Sprintf("disk %s of %s is declared, the guest has %s of %s",
			cmp.Or(d.Name, "-"), sizeText(d.Bytes), more[i].Name, sizeText(more[i].Bytes))})
	}
	for _, d := range missing[paired:] {
		out = append(out, Difference{Kind: Missing, What: strings.ReplaceAll(fmt.Sprintf("disk %s of %s", d.Name, sizeText(d.Bytes)), "  ", " ")})
	}
	for _, d := range more[paired:] {
		out = append(out, Difference{Kind: Undeclared, What: fmt.Sprintf("disk %s of %s", d.Name, sizeText(d.Bytes))})
	}
	return out, true
}

// sizeText writes a size in the largest unit of which it is a multiple.
func sizeText(bytes uint64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	at := 0
	for ; at < len(units)-1 && bytes > 0 && bytes%1024 == 0; at++ {
		bytes /= 1024
	}
	return fmt.Sprintf("%d %s", bytes, units[at])
}

// complete stands for the requirement on the description that Linux runs by.
const complete = "complete"

// blamed are the requirements that a difference fails, by its key; the second
// follows from the first. A description need not list what PCI enumerates.
var blamed = map[string][]string{
	"cpus":     {"PLAT-CPU-ENUM", complete},
	"memory":   {"PLAT-MEM-ENUM", complete},
	"gic":      {complete},
	"consoles": {"PLAT-DEV-ENUM"},
	"disks":    {"PLAT-DEV-ENUM"},
	"nics":     {"PLAT-DEV-ENUM"},
	"rng":      {"PLAT-DEV-ENUM"},
	"balloon":  {"PLAT-DEV-ENUM"},
	"tpm":      {"PLAT-DEV-ENUM"},
}

// ErrNotSeen says that a report lacks what claims are compared with.
var ErrNotSeen = errors.New("the report does not say what the guest saw of its VM: its frames are not there, or are of an older version")

// Claim compares what is claimed with what the guest saw, and judges by it. What is
// declared and was not described fails a requirement. What is described and was not
// declared makes it an error: either may be wrong. The keys of claims on which the
// guest could not tell are returned. Only the first call counts.
func (r *Report) Claim(c *Claims) (unknown []string, err error) {
	switch {
	case r.claimed:
		return nil, nil
	case r.Appendix == nil || r.Appendix.Seen == nil:
		return nil, ErrNotSeen
	}
	r.claimed = true
	differences, unknown := c.Compare(r.Appendix.Seen)
	for _, d := range differences {
		first := ""
		for _, id := range blamed[d.Key] {
			if id == complete {
				id = r.completeID()
			}
			r.blame(id, first, d)
			first = cmp.Or(first, id)
		}
		r.Observed = append(r.Observed, "claims: "+d.String())
	}
	return unknown, nil
}

// completeID is the requirement that the description by which Linux runs leaves
// nothing out.
func (r *Report) completeID() string {
	if p, ok := r.Point("HW-FDT-COMPLETE"); ok && p.Verdict != Skip {
		return p.ID
	}
	return "HW-ACPI-COMPLETE"
}

// blame adds a difference to a point that was judged or can be.
func (r *Report) blame(id, follows string, d Difference) {
	p := r.pointer(id)
	if p == nil || p.LeftOut() || p.Verdict == Skip && follows != "" {
		return
	}
	text := "claims: " + d.String()
	switch {
	case p.Verdict == Fail:
		p.Problem += "; " + text
		return
	case d.Kind != Undeclared:
		p.Verdict, p.Problem, p.Reason, p.Follows = Fail, text, "", follows
	case p.Verdict == Pass:
		p.Verdict, p.Problem, p.Reason = Error, text, text
	case p.Verdict == Error:
		p.Problem = cmp.Or(p.Problem, p.Reason) + "; " + text
	}
}

// pointer returns a point to be changed, asked by the report's profile or not.
func (r *Report) pointer(id string) *Point {
	for _, points := range [][]Point{r.Points, r.Appendix.Points} {
		for i := range points {
			if points[i].ID == id {
				return &points[i]
			}
		}
	}
	return nil
}
