package results

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

// vm is a guest that saw everything.
func vm() *report.Seen {
	return &report.Seen{
		Numbers: map[string]uint64{
			"cpus": 2, "memory": 512, "ram": 506, "gic": 3, "nics": 1, "rng": 1, "balloon": 0, "tpm": 0,
		},
		Consoles: []string{"pl011", "virtio"},
		Disks:    []report.Disk{{Name: "vda", Bytes: 64 << 20}, {Name: "vdb", Bytes: 1 << 30}},
	}
}

// allOfIt claims what vm has.
const allOfIt = `
cpus: 2
memory: 512
gic: 3
consoles: [virtio, pl011]
disks: [1 GiB, {name: root, size: 64MiB}]
nics: 1
rng: 1
balloon: 0
tpm: 0
`

func claims(t testing.TB, text string) *Claims {
	t.Helper()
	c, err := ReadClaims(strings.NewReader(text))
	require.NoError(t, err)
	return c
}

func TestClaimsCompare(t *testing.T) {
	for name, c := range map[string]struct {
		claims string
		want   []string
	}{
		"all of it":              {allOfIt, nil},
		"nothing of it":          {"more: false", nil},
		"a CPU too many":         {"cpus: 3", []string{"declared, not described: 1 CPU (3 declared, 2 described)"}},
		"two CPUs too many":      {"cpus: 4", []string{"declared, not described: 2 CPUs (4 declared, 2 described)"}},
		"a CPU too few":          {"cpus: 1", []string{"described, not declared: 1 CPU (1 declared, 2 described)"}},
		"128 MiB too much":       {"memory: 640", []string{"declared, not described: 128 MiB of memory (640 MiB declared, 512 MiB described)"}},
		"1 MiB too much":         {"memory: 513 MiB", []string{"declared, not described: 1 MiB of memory (513 MiB declared, 512 MiB described)"}},
		"memory too little":      {"memory: 256M", []string{"described, not declared: 256 MiB of memory (256 MiB declared, 512 MiB described)"}},
		"a GIC":                  {"gic: 2", []string{"contradiction: GICv2 is declared, the guest has a GICv3"}},
		"a GICv4 is a GICv3":     {"gic: 4", nil},
		"consoles":               {"consoles: [pl011, xen]", []string{"declared, not described: a console: xen", "described, not declared: a console: virtio"}},
		"the same console twice": {"consoles: [pl011, pl011, virtio]", []string{"declared, not described: a console: pl011"}},
		"no console":             {"consoles: []", []string{"described, not declared: a console: pl011", "described, not declared: a console: virtio"}},
		"a disk too many": {"disks: [64 MiB, 1 GiB, {name: data, size: 8 GiB}]",
			[]string{"declared, not described: disk data of 8 GiB"}},
		"one without a name":     {"disks: [64 MiB, 1 GiB, 8 GiB]", []string{"declared, not described: disk of 8 GiB"}},
		"a disk too few":         {"disks: [64 MiB]", []string{"described, not declared: disk vdb of 1 GiB"}},
		"no disk":                {"disks: []", []string{"described, not declared: disk vda of 64 MiB", "described, not declared: disk vdb of 1 GiB"}},
		"another size":           {"disks: [64 MiB, {name: data, size: 2 GiB}]", []string{"contradiction: disk data of 2 GiB is declared, the guest has vdb of 1 GiB"}},
		"sizes that are rounded": {"disks: [65536 KiB, 1073741000 B]", nil},
		"devices": {"{nics: 0, rng: 2, balloon: 1, tpm: 1}", []string{
			"described, not declared: 1 network device (0 declared, 1 described)", "declared, not described: 1 entropy device (2 declared, 1 described)",
			"declared, not described: 1 balloon (1 declared, 0 described)", "declared, not described: 1 TPM (1 declared, 0 described)"}},
		"there may be more": {"{more: true, cpus: 1, disks: [], nics: 2}", []string{"declared, not described: 1 network device (2 declared, 1 described)"}},
	} {
		t.Run(name, func(t *testing.T) {
			differences, unknown := claims(t, c.claims).Compare(vm())
			var got []string
			for _, d := range differences {
				got = append(got, d.String())
			}
			require.Equal(t, c.want, got)
			require.Empty(t, unknown)
		})
	}
}

func TestClaimsUnknown(t *testing.T) {
	differences, unknown := claims(t, allOfIt).Compare(&report.Seen{})
	require.Empty(t, differences)
	require.Equal(t, []string{"cpus", "memory", "gic", "consoles", "disks", "nics", "rng", "balloon", "tpm"}, unknown)
	_, unknown = claims(t, "cpus: 2").Compare(&report.Seen{})
	require.Equal(t, []string{"cpus"}, unknown)
}

// Under ACPI no description says how much memory there is, and firmware keeps some.
func TestClaimsByRAM(t *testing.T) {
	for memory, want := range map[string]string{
		"506": "", "512": "", "570": "",
		"640": "declared, not described: 134 MiB of memory (640 MiB declared, 506 MiB in Linux)",
		"505": "described, not declared: 1 MiB of memory (505 MiB declared, 506 MiB in Linux)",
	} {
		s := vm()
		delete(s.Numbers, report.SeenMemory)
		differences, _ := claims(t, "memory: "+memory).Compare(s)
		if want == "" {
			require.Empty(t, differences, memory)
			continue
		}
		require.Equal(t, want, differences[0].String())
	}
}

// CPUs that are online capable may be declared.
func TestClaimsCapable(t *testing.T) {
	for cpus, differs := range map[string]bool{"1": true, "2": false, "4": false, "5": true} {
		s := vm()
		s.Numbers[report.SeenCapable] = 2
		differences, _ := claims(t, "cpus: "+cpus).Compare(s)
		require.Equal(t, differs, len(differences) > 0, cpus)
	}
}

func TestReadClaimsFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "it claims nothing",
		"# nothing":                 "it claims nothing",
		"a: [":                      "line 1: did not find expected node content",
		"[cpus]":                    "line 1: keys and values are needed, such as cpus: 2",
		"cpus: 2\n---\ncpus: 2\n":   "it holds more than one document",
		"cpus: 2\ncpus: 3":          "line 2: cpus is there twice",
		"cpu: 2":                    "line 1: cpu: no such claim: there are cpus, memory, gic, consoles, disks, nics, rng, balloon, tpm and more",
		"cpus: two":                 `line 1: cpus: "two": a number from 1 to 65536 is needed`,
		"cpus: 0":                   `line 1: cpus: "0": a number from 1 to 65536 is needed`,
		"cpus: -1":                  `line 1: cpus: "-1": a number from 1 to 65536 is needed`,
		"cpus: [1]":                 `line 1: cpus: a list: a number from 1 to 65536 is needed`,
		"a: &x 1\ncpus: *x":         `line 1: a: no such claim: there are cpus, memory, gic, consoles, disks, nics, rng, balloon, tpm and more`,
		"cpus: &x 1\nnics: *x":      `line 2: nics: no single value: a number from 0 to 65536 is needed`,
		"gic: 1":                    `line 1: gic: "1": a number from 2 to 65536 is needed`,
		"\n\nmemory: much":          `line 3: memory: "much": a size with a unit is needed, such as 64 MiB`,
		"memory: 0":                 `line 1: memory: "0": a size with a unit is needed, such as 64 MiB`,
		"memory: 1 KiB":             `line 1: memory: "1 KiB": whole MiB are needed`,
		"consoles: pl011":           `line 1: consoles: "pl011": a list is needed, such as [pl011]; [] for none`,
		"consoles: [vt100]":         `line 1: consoles: "vt100": the consoles are pl011, sbsa, virtio, xen, 16550, other`,
		"disks: 1":                  `line 1: disks: "1": a list is needed, such as [64 MiB]; [] for none`,
		"disks: [64]":               `line 1: disks: "64": a size with a unit is needed, such as 64 MiB`,
		"disks: [{name: a}]":        "line 1: disks: a disk without a size",
		"disks: [{colour: red}]":    "line 1: disks: colour: a disk has a name and a size",
		"disks: [{size: -1 GiB}]":   `line 1: disks: "-1 GiB": a size with a unit is needed, such as 64 MiB`,
		"disks: [99999999 EiB]":     `line 1: disks: "99999999 EiB": a size with a unit is needed, such as 64 MiB`,
		"more: perhaps":             `line 1: more: "perhaps": true or false is needed`,
		strings.Repeat("#", 2<<20):  "more than 1024 KiB: these are no claims",
		"cpus: \x00":                "control characters are not allowed",
		"memory: 99999999999999999": `line 1: memory: "99999999999999999": a size with a unit is needed, such as 64 MiB`,
	} {
		_, err := ReadClaims(strings.NewReader(text))
		require.EqualError(t, err, want, "%.40q", text)
	}
}

// A host's record keeps claims as they are.
func TestClaimsInRecord(t *testing.T) {
	c := claims(t, allOfIt+"more: true\n")
	var text bytes.Buffer
	_, err := (&HostRun{Command: []string{"vmm"}, Claims: c}).WriteTo(&text)
	require.NoError(t, err)
	again, err := ReadHostRun(&text)
	require.NoError(t, err)
	require.Equal(t, c, again.Claims)
}

// framed is a report whose frames say what the guest saw.
func framed(points ...Point) *Report {
	r := withPoints("a", points...)
	r.Appendix = &report.Appendix{Seen: vm()}
	return r
}

func TestClaim(t *testing.T) {
	r := framed(Point{ID: "PLAT-CPU-ENUM", Verdict: Pass}, Point{ID: "PLAT-MEM-ENUM", Verdict: Error, Reason: "EIO"},
		Point{ID: "PLAT-DEV-ENUM", Verdict: Skip, Reason: "no-device"}, Point{ID: "HW-FDT-COMPLETE", Verdict: Pass}, Point{ID: "HW-ACPI-COMPLETE", Verdict: Skip})
	unknown, err := r.Claim(claims(t, "{cpus: 3, memory: 256, nics: 2}"))
	require.NoError(t, err)
	require.Empty(t, unknown)
	require.Equal(t, []string{
		"claims: declared, not described: 1 CPU (3 declared, 2 described)",
		"claims: described, not declared: 256 MiB of memory (256 MiB declared, 512 MiB described)",
		"claims: declared, not described: 1 network device (2 declared, 1 described)",
	}, r.Observed)
	for i, want := range []Verdict{Fail, Error, Fail, Fail, Skip} {
		require.Equal(t, want, r.Points[i].Verdict, r.Points[i].ID)
	}
	require.Equal(t, r.Observed[0], r.Points[0].Problem)
	require.Equal(t, "EIO; "+r.Observed[1], r.Points[1].Problem)
	require.Equal(t, "PLAT-CPU-ENUM", r.Points[3].Follows)
	require.Empty(t, r.Points[2].Reason)

	// Only the first counts: what the user says comes before the record.
	require.NoError(t, r.Observe(&HostRun{Claims: claims(t, "cpus: 4")}))
	require.Len(t, r.Observed, 3)
}

// What is described and not declared is an error: the claims may be wrong.
func TestClaimUndeclared(t *testing.T) {
	r := framed(Point{ID: "PLAT-DEV-ENUM", Verdict: Pass, Found: "2 devices"})
	_, err := r.Claim(claims(t, "nics: 0"))
	require.NoError(t, err)
	require.Equal(t, Error, r.Points[0].Verdict)
	require.Equal(t, "claims: described, not declared: 1 network device (0 declared, 1 described)", r.Points[0].Reason)
	require.Equal(t, "2 devices", r.Points[0].Found)
}

// By ACPI it is the tables that leave something out, also if only another profile
// asks that.
func TestClaimComplete(t *testing.T) {
	r := framed(Point{ID: "HW-FDT-COMPLETE", Verdict: Skip, Reason: "other-description"})
	r.Appendix.Points = []Point{{ID: "HW-ACPI-COMPLETE", Verdict: Pass}}
	_, err := r.Claim(claims(t, "gic: 2"))
	require.NoError(t, err)
	require.Equal(t, Fail, r.Appendix.Points[0].Verdict)
	require.Equal(t, Skip, r.Points[0].Verdict)

	left := framed(Point{ID: "PLAT-CPU-ENUM", Verdict: Skip, Reason: report.Skipped})
	_, err = left.Claim(claims(t, "cpus: 9"))
	require.NoError(t, err)
	require.Equal(t, Skip, left.Points[0].Verdict)
	require.Len(t, left.Observed, 1)
}

func TestClaimNotSeen(t *testing.T) {
	for _, r := range []*Report{withPoints("a"), {Report: report.Report{Appendix: &report.Appendix{}}}} {
		_, err := r.Claim(claims(t, "cpus: 1"))
		require.ErrorIs(t, err, ErrNotSeen)
		require.NoError(t, r.Observe(&HostRun{Claims: claims(t, "cpus: 1")}))
		require.Empty(t, r.Observed)
	}
}

// FuzzReadClaims: what is read can be compared, and kept.
func FuzzReadClaims(f *testing.F) {
	f.Add(allOfIt)
	f.Add("disks: [{name: a, size: 1 GiB}, 64M]\nmore: true")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadClaims(strings.NewReader(text))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		c.Compare(vm())
		c.Compare(&report.Seen{})
		kept, err := json.Marshal(c)
		require.NoError(t, err)
		var again Claims
		require.NoError(t, json.Unmarshal(kept, &again))
		require.Equal(t, *c, again)
	})
}
