package results

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/results/report"
)

func must(id string, v Verdict) Point { return Point{ID: id, Verdict: v, Level: report.Must} }

func because(p Point, reason string) Point {
	p.Reason = reason
	return p
}

func TestSentence(t *testing.T) {
	missed := Point{ID: "PLAT-M", Verdict: Fail, Level: report.Recommended}
	open := []Point{because(must("IMG-A", Skip), "needs-image"), because(must("IMG-B", Skip), "needs-image"), because(must("FW-C", Skip), "needs-two-boots")}
	for name, c := range map[string]struct {
		points   []Point
		strict   bool
		problems []string
		want     string
	}{
		"nothing judged":       {nil, false, nil, "could not tell: no must was judged"},
		"one must met":         {[]Point{must("PLAT-A", Pass)}, false, nil, "conformant: the one must judged is met"},
		"open musts":           {append(open, must("PLAT-A", Pass)), false, nil, "conformant: the one must judged is met; 1 not judged: 1 needs two boots"},
		"failed":               {[]Point{must("PLAT-A", Pass), must("PLAT-B", Fail)}, false, nil, "not conformant: 1 of 2 musts failed (PLAT-B)"},
		"many failed":          {[]Point{must("A", Fail), must("B", Fail), must("C", Fail), must("D", Fail), must("E", Fail)}, false, nil, "not conformant: 5 of 5 musts failed (A, B, C, ...)"},
		"an error":             {[]Point{must("PLAT-A", Pass), because(must("PLAT-B", Error), "EPERM")}, false, nil, "could not tell: the one must judged is met; 1 error (PLAT-B); 1 not judged: 1 in error"},
		"a wrong parameter":    {[]Point{must("PLAT-A", Pass)}, false, []string{"vmspec.profile=v9: the profiles are [rfc-v2]"}, "could not tell: the one must judged is met; parameter vmspec.profile=v9: the profiles are [rfc-v2]"},
		"a guest OS's failure": {[]Point{must("PLAT-A", Pass), must("OS-A", Fail)}, false, nil, "conformant: the one must judged is met"},
		"missed":               {[]Point{must("PLAT-A", Pass), missed}, false, nil, "conformant: the one must judged is met; 1 recommended missed (PLAT-M)"},
		"missed, strictly":     {[]Point{must("PLAT-A", Pass), missed}, true, nil, "not conformant (--strict: 1 recommended missed): the one must judged is met; 1 recommended missed (PLAT-M)"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Report{Report: report.Report{Points: c.points, Problems: c.problems}}
			r.Verdict, _ = r.Report.Conclude()
			require.Equal(t, c.want, r.Sentence(c.strict))
		})
	}
}

// What is beside the report's own party is told, and does not count.
func TestOthers(t *testing.T) {
	untested := because(must("OS-NO-ASSUMPTIONS", Skip), "needs-guest-os")
	for name, c := range map[string]struct {
		points []Point
		want   []string
	}{
		"a platform alone":             {[]Point{must("PLAT-A", Pass)}, nil},
		"an image":                     {[]Point{must("PLAT-A", Pass), must("IMG-A", Fail), must("IMG-B", Pass)}, []string{"the image: not conformant: 1 of 2 musts failed (IMG-A)"}},
		"no image":                     {[]Point{must("PLAT-A", Pass), because(must("IMG-A", Skip), "needs-image")}, nil},
		"the suite's own kernel":       {[]Point{must("PLAT-A", Pass), must("OS-A", Pass), untested}, nil},
		"a guest OS that fails":        {[]Point{must("PLAT-A", Pass), must("OS-A", Fail)}, []string{"the guest OS: not conformant: 1 of 1 must failed (OS-A)"}},
		"an image that was not judged": {[]Point{must("PLAT-A", Pass), because(must("IMG-A", Skip), "guessed-disk")}, nil},
		"a kernel in an image":         {[]Point{must("IMG-A", Pass), must("OS-A", Pass)}, []string{"the guest OS: conformant: the one must judged is met"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Report{Report: report.Report{Points: c.points}}
			r.Verdict, _ = r.Report.Conclude()
			require.Equal(t, c.want, r.Others(false))
			page := Text{Name: "vm"}.Of(&r)
			for _, other := range c.want {
				require.Contains(t, page, "beside it, "+other)
			}
			require.Equal(t, strings.Contains(strings.Join(c.want, ""), "failed"), strings.Contains(page, "failed   "))
		})
	}
}

// What follows from a failure is told once, beneath it, and in no other place.
func TestTextOfACause(t *testing.T) {
	cause, one, two := must("FW-A", Fail), must("FW-B", Fail), Point{ID: "FW-C", Verdict: Fail, Level: report.Should}
	one.Follows, two.Follows = "FW-A", "FW-B"
	r := Report{Report: report.Report{Points: []Point{one, cause, two}}}
	text := Text{Name: "vm"}.Of(&r)
	require.Contains(t, text, "failed   FW-A")
	require.Contains(t, text, " also    failed, since they rest on it: FW-B\n")
	require.Contains(t, text, " also    missed, since they rest on it: FW-C\n")
	require.NotContains(t, text, "failed   FW-B")
	require.NotContains(t, text, "missed   FW-C")
	require.Contains(t, text, "next: vmspec spec FW-A ")
}

// Points that follow from each other, which no report of ours holds, are told.
func TestTextOfACircle(t *testing.T) {
	one, two := must("FW-A", Fail), must("FW-B", Fail)
	one.Follows, two.Follows = "FW-B", "FW-A"
	text := Text{Name: "vm"}.Of(&Report{Report: report.Report{Points: []Point{one, two}}})
	require.Contains(t, text, "failed   FW-A")
}

func FuzzText(f *testing.F) {
	f.Add("FW-A", "a problem", "FW-B")
	f.Add("A", "\x1b[2J\r\n", "A")
	f.Fuzz(func(t *testing.T, id, problem, follows string) {
		p := must(id, Fail)
		p.Problem, p.Title, p.Follows = problem, problem, follows
		text := Text{Name: problem}.Of(&Report{Report: report.Report{
			Head: report.Head{Version: problem, Profile: problem}, Problems: []string{problem}, Points: []Point{p, must("FW-B", Fail)},
		}})
		require.NotContains(t, text, "\x1b")
		require.True(t, strings.HasSuffix(text, "\n"))
	})
}
