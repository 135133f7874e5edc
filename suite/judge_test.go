package suite

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/guest/guesttest"
)

// anyCheck lets every check run.
func anyCheck(string) error { return nil }

// forget makes a subject unreadable, with or without an error.
func forget(f *probes.Facts, subject, err string) {
	v := reflect.ValueOf(f).Elem().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, subject) })
	v.SetZero()
	if err != "" {
		f.Errors[subject] = err
	}
}

// guestFacts are what captured guests show, by name.
var guestFacts = map[string]*probes.Facts{}

// factsOf returns what a captured guest shows. Its caller may forget some of it.
func factsOf(t testing.TB, name string) *probes.Facts {
	t.Helper()
	if guestFacts[name] == nil {
		guestFacts[name] = probes.Read(guesttest.Open(t, name))
	}
	facts := *guestFacts[name]
	facts.Errors = map[string]string{}
	maps.Copy(facts.Errors, guestFacts[name].Errors)
	return &facts
}

func TestUnreadableSubjectIsAnError(t *testing.T) {
	for _, r := range Catalogue() {
		for _, need := range r.Needs {
			t.Run(r.ID+" without "+need, func(t *testing.T) {
				facts := factsOf(t, directGuest)
				forget(facts, need, "EIO")
				got := r.judge(facts, anyCheck)
				require.Equal(t, Error, got.Verdict)
				require.Equal(t, "read "+need+": EIO", got.Problem)
			})
		}
	}
}

// A check that looks at a subject it does not need would blame the platform
// for what could not be read.
func TestChecksLookOnlyAtWhatTheyNeed(t *testing.T) {
	for _, name := range []string{uefiGuest, directGuest} {
		for _, r := range Catalogue() {
			t.Run(name+" "+r.ID, func(t *testing.T) {
				facts := factsOf(t, name)
				want := r.judge(facts, anyCheck)
				needed := map[string]bool{"kernel": len(r.Kernel) > 0}
				for _, n := range r.Needs {
					needed[n] = true
				}
				for _, s := range probes.Subjects() {
					if !needed[s] {
						forget(facts, s, "")
					}
				}
				require.Equal(t, want, r.judge(facts, anyCheck))
			})
		}
	}
}

func TestRunnerSurvives(t *testing.T) {
	facts := &probes.Facts{Errors: map[string]string{"gic": "read proc/interrupts: EIO"}}
	for _, c := range []struct {
		name string
		r    Requirement
		want Finding
	}{
		{"a panicking check", Requirement{Check: func(f *probes.Facts) Finding { panic("boom") }}, unknown("check panicked: boom")},
		{"a nil fact", Requirement{Check: func(f *probes.Facts) Finding { return pass(f.Timer.Clock) }},
			unknown("check panicked: runtime error: invalid memory address or nil pointer dereference")},
		{"an unreadable probe", Requirement{Needs: []string{"gic"}, Check: func(f *probes.Facts) Finding { return pass() }},
			unknown("read gic: read proc/interrupts: EIO")},
		{"a failure with an unknown kernel", Requirement{Kernel: []string{"CONFIG_EFI"}, Check: func(f *probes.Facts) Finding { return fail("no") }},
			unknown("read kernel: ")},
		{"no check", Requirement{Untested: ReasonHotplug}, skip(ReasonHotplug)},
	} {
		t.Run(c.name, func(t *testing.T) { require.Equal(t, c.want, c.r.judge(facts, anyCheck)) })
	}
}

func TestJudgeEachLeavesOut(t *testing.T) {
	facts := probes.Read(guesttest.Open(t, directGuest))
	want := Judge(facts).Results
	got := JudgeEach(Settings{Profile: RFCv2}, "arm64", facts, func(id string) error {
		if id == "PLAT-GIC" {
			return errors.New("hung for 5s")
		}
		return nil
	}).Results
	for i, res := range got {
		if res.ID == "PLAT-GIC" {
			require.Equal(t, unknown("check: hung for 5s"), res.Finding)
			continue
		}
		require.Equal(t, want[i].Finding, res.Finding, res.ID)
	}
}

func TestOnlyAndSkip(t *testing.T) {
	facts := probes.Read(guesttest.Open(t, uefiGuest))
	report := JudgeBy(Settings{Profile: RFCv2, Only: []string{"PLAT-GIC", "FW-RTC"}, Skip: []string{"FW-RTC"}}, "arm64", facts)
	require.Len(t, report.Results, 2)
	require.Equal(t, skip(ReasonChosen), report.Results[0].Finding)
	require.Equal(t, Pass, report.Results[1].Verdict)
}

// A failure follows from another only if that failed too.
func TestFollow(t *testing.T) {
	result := func(id string, v Verdict, rests, follows string) Result {
		return Result{Requirement: Requirement{ID: id, RestsOn: rests}, Finding: Finding{Verdict: v, Follows: follows}}
	}
	for name, c := range map[string]struct {
		results []Result
		want    string // what the last follows from
	}{
		"the cause failed":            {[]Result{result("A", Fail, "", ""), result("B", Fail, "A", "")}, "A"},
		"the cause passed":            {[]Result{result("A", Pass, "", ""), result("B", Fail, "A", "")}, ""},
		"the cause was left out":      {[]Result{result("A", Skip, "", ""), result("B", Fail, "A", "")}, ""},
		"the cause is not there":      {[]Result{result("B", Fail, "A", "")}, ""},
		"it did not fail":             {[]Result{result("A", Fail, "", ""), result("B", Pass, "A", "")}, ""},
		"the finding knows better":    {[]Result{result("A", Fail, "", ""), result("C", Fail, "", ""), result("B", Fail, "A", "C")}, "C"},
		"the finding's cause is well": {[]Result{result("A", Fail, "", ""), result("C", Pass, "", ""), result("B", Fail, "A", "C")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			Judgement{Results: c.results}.follow()
			require.Equal(t, c.want, c.results[len(c.results)-1].Follows)
		})
	}
}
