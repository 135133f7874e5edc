// Package suite is the ARM VM System Specification as data, and judgement by
// it: a catalogue of requirements, each with a check that takes facts and
// touches nothing.
//
// A verdict has four values. A check that found what is asked passes; one that
// found something else fails. What does not apply is skipped, with a reason for
// programs to read. Error means that we could not tell: a subject could not be
// read, the kernel lacks what is needed to see it, or the check itself broke.
// It is never the platform's fault.
//
// A must that fails makes the party that owes it not conformant: platform, image
// and guest OS are concluded on separately. A should or a recommendation that fails
// is missed: reported, no more. What no text asks has the level info: it is
// reported, never counted.
//
// A requirement is a literal beside its check, in the file of its chapter:
// image.go, firmware.go, description.go, platform.go, architecture.go and guestos.go. A long
// chapter has a file for each of its nouns, such as platform_timer.go. What no
// text asks by itself is in beyond_NOUN.go. A requirement points at a sentence of each text
// that asks it; testdata/clauses.tsv lists the sentences, and a test compares the
// two. A requirement without a check says why, as a reason for programs to read:
// the catalogue also lists what a guest cannot judge alone in one boot.
package suite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"

	"vmspec/probes"
	"vmspec/results/report"
)

// Version is the suite's, by semantic versioning.
const Version = "0.2.0"

// Level is how strongly the specification asks, in the words of a report.
type Level = report.Level

// The levels, strongest first. Info is ours: no text asks it.
const (
	Must                = report.Must
	Should              = report.Should
	StronglyRecommended = report.StronglyRecommended
	Recommended         = report.Recommended
	May                 = report.May
	Info                = report.Info
)

// Subject is who owes a requirement, in the words of a report.
type Subject = report.Party

// The three parties of the specification.
const (
	Platform = report.Platform // hypervisor and firmware
	Image    = report.Image    // the disk image
	GuestOS  = report.GuestOS  // the kernel and its drivers
)

// Kind is what a pass rests on.
type Kind string

const (
	Evidence   Kind = "evidence"   // something says so
	Functional Kind = "functional" // we made it happen
)

// Profile is a published text of the specification.
type Profile string

// The profiles; RFCv2 is the default.
const (
	RFCv2 Profile = "rfc-v2"
	V10   Profile = "v1.0"
	V20   Profile = "v2.0"
)

// Profiles lists the profiles by age.
func Profiles() []Profile { return []Profile{RFCv2, V10, V20} }

// A Clause is one normative sentence of a profile: its section, its number
// among the section's normative sentences and list items, and its level.
type Clause struct {
	Level   Level
	Section string
	Number  int
}

// String names the clause within a profile: "Virtual Firmware 1". It is empty
// for what no sentence asks.
func (c Clause) String() string {
	if c.Level == Info {
		return ""
	}
	return fmt.Sprintf("%s %d", c.Section, c.Number)
}

// Clauses are what each text says of a requirement. They are a struct and not a
// map, so that the linker lays out the catalogue and no guest builds it at its
// start.
type Clauses struct{ RFCv2, V10, V20 Clause }

// By returns a profile's clause, and whether it asks the requirement at all.
func (c Clauses) By(p Profile) (clause Clause, asked bool) {
	switch p {
	case RFCv2:
		clause = c.RFCv2
	case V10:
		clause = c.V10
	case V20:
		clause = c.V20
	}
	return clause, clause.Level != ""
}

// everywhere is a clause that stands at the same place in all texts.
func everywhere(c Clause) Clauses { return Clauses{RFCv2: c, V10: c, V20: c} }

// informative is the clause of a requirement that no text asks: it is reported,
// never counted.
var informative = Clause{Level: Info}

// infoEverywhere is for a requirement that no text asks at all.
func infoEverywhere() Clauses { return everywhere(informative) }

// A Requirement is one thing that the specification asks for.
type Requirement struct {
	ID      string // for ever
	Title   string // what holds when it is met; no "#"
	Asked   string // the sentence in plain words; of what no text asks, why a user wants to know
	How     string // what the check looks at, and what passes, fails, is skipped or is an error
	Subject Subject
	Kind    Kind
	Clauses Clauses
	Needs   []string // subjects of probes.Facts that the check looks at
	Kernel  []string // options without which a kernel cannot see it
	Check   func(*probes.Facts) Finding
	// Readings are those by which the texts ask it, where they are loose.
	Readings Readings
	// RestsOn is another requirement without which this one cannot be met: if
	// that fails, this one's failure follows from it.
	RestsOn string
	// Untested is why there is no check: a reason for machines to read.
	Untested string
	Fix      string   // one sentence to the person who must repair it
	Refs     []string // rules of other documents that match
}

// Catalogue lists all requirements, in the order of the specification.
func Catalogue() []Requirement {
	return slices.Concat(
		images, firmware, description, descriptionComplete,
		platform, architecture, platformConsole, platformGIC, platformTimer, platformHotplug, guestOS,
		beyondFirmware, beyondTree, beyondCPU, beyondMemory, beyondTimer, beyondPause, beyondConsole, beyondPCI,
		beyondVirtio, beyondVirtioPCI, beyondDevice, beyondXen,
	)
}

// Find returns the requirement of that ID.
func Find(id string) (Requirement, bool) {
	for _, r := range Catalogue() {
		if r.ID == id {
			return r, true
		}
	}
	return Requirement{}, false
}

// CatalogueHash identifies what the requirements ask, as eight hexadecimal
// digits: two reports with the same hash were judged by the same catalogue.
func CatalogueHash() string { return catalogueHash() }

var catalogueHash = sync.OnceValue(hashCatalogue)

func hashCatalogue() string {
	var text strings.Builder
	for _, r := range Catalogue() {
		for _, part := range []string{r.ID, r.Title, string(r.Subject), string(r.Kind), r.Untested} {
			text.WriteString(part + "\n")
		}
		for _, p := range Profiles() {
			clause, _ := r.Clauses.By(p)
			text.WriteString(string(clause.Level) + " " + clause.String() + "\n")
		}
	}
	hash := sha256.Sum256([]byte(text.String()))
	return hex.EncodeToString(hash[:])[:8]
}
