package report

import "strings"

// A Party is who owes a requirement.
type Party string

// The parties of the specification.
const (
	Platform Party = "platform" // hypervisor and firmware
	Image    Party = "image"    // the disk image
	GuestOS  Party = "guest-os" // the kernel and its drivers
)

var parties = []Party{Platform, Image, GuestOS}

// An ID's first word says who owes the requirement: the guest OS, the image,
// and for any other word the platform.
const (
	guestOSMark = "OS-"
	imageMark   = "IMG-"
)

// Party is who owes what the point is about.
func (p Point) Party() Party {
	switch {
	case strings.HasPrefix(p.ID, guestOSMark):
		return GuestOS
	case strings.HasPrefix(p.ID, imageMark):
		return Image
	}
	return Platform
}
