package main

import (
	"strings"

	"vmspec/results"
)

// removableID is the requirement that only a boot from an empty store decides.
const removableID = "IMG-REMOVABLE"

// removable concludes from boots from an empty store: it passes if every firmware
// started the image by UEFI, and fails if none did. Where one did and another did not,
// or a program was started that did not come to a kernel, the boots do not tell whose
// fault that is.
func removable(boots []imageBoot) results.Judged {
	var passed, failed, open []string
	for _, b := range boots {
		e := b.console
		switch {
		case e.script:
			open = append(open, b.firmware+" started a script of the image in place of UEFI's program")
		case e.found != "" || e.kernel:
			passed = append(passed, b.firmware)
		case b.status() == results.CouldNotTell:
			open = append(open, b.firmware+" came to no end")
		case e.program != "":
			open = append(open, b.firmware+" started the image's program, which started no kernel that was seen")
		default:
			failed = append(failed, b.firmware)
		}
	}
	started := strings.Join(passed, " and ") + " started it from an empty variable store"
	refused := strings.Join(failed, " and ") + " found nothing to start, with an empty variable store"
	switch {
	case len(passed) > 0 && len(failed) > 0:
		return results.Judged{Verdict: results.Error, Text: started + ", and " + refused}
	case len(open) > 0 && len(passed) == 0:
		return results.Judged{Verdict: results.Error, Text: strings.Join(open, "; ")}
	case len(passed) > 0:
		return results.Judged{Verdict: results.Pass, Text: strings.Join(append([]string{started}, open...), "; ")}
	}
	return results.Judged{Verdict: results.Fail, Text: refused}
}

// decide puts what the boots showed into the report of the image's file.
func decide(r *results.Report, j results.Judged) {
	for i := range r.Points {
		p := &r.Points[i]
		if p.ID != removableID {
			continue
		}
		p.Verdict, p.Reason, p.Found, p.Problem, p.Follows = j.Verdict, "", "", j.Text, ""
		if j.Verdict == results.Pass {
			p.Found, p.Problem = j.Text, ""
		}
	}
	r.Observed = append(r.Observed, removableID+" "+string(j.Verdict)+": "+j.Text)
	addFixes(r)
}
