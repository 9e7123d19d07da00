package troubleshooting

import (
	"github.com/ssocheck/ssocheck/e2e/internal/checklist"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

// fileCauses are about how a value gets from the file into the container. Those
// without a check are found by the readers themselves.
func fileCauses() []*Item {
	return []*Item{
		{
			Code:   "CFG-TAB",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "YAML is indented with spaces",
				Problem: "A tab in the indentation of YAML",
				Doc:     "YAML does not allow tabs there: Compose refuses the file.",
			}},
		},
		{
			Code:   "CFG-DUPKEY",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Every key is unique",
				Problem: "A key or variable is duplicated",
				Doc:     "Compose refuses a file with a key twice in one mapping.",
				Lost:    true,
				check:   checkTwice,
			}},
		},
		{
			Code:   "CFG-ENVLINE",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Variables have the form of their place",
				Problem: "A variable has the form of another place",
				Doc:     "NAME=value in a YAML mapping, or NAME: value in a list, is not what it looks like.",
				OfForm:  true,
				Lost:    true,
			}},
		},
		{
			Code:   "CFG-COMPOSE",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Compose takes the file",
				Problem: "Compose refuses the file",
				Doc:     "Compose refuses the file, so nothing starts.",
			}},
		},
		{
			Code:   "CFG-ENVFILE",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Every env_file is there",
				Problem: "An env_file is missing",
				Doc:     "Compose refuses to start without it.",
			}},
		},
		{
			Code: "CFG-BOM",
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Files begin with their first character",
				Problem: "A byte order mark before the first name",
				Doc:     "A byte order mark becomes part of the first name.",
				Lost:    true,
			}},
		},
		{
			Code: "CFG-UNSET",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Every ${NAME} has a value",
				Problem: "A reference has no value",
				Doc:     "Compose puts nothing in its place.",
				Unknown: true,
				Lost:    true,
				check:   checkUnset,
			}},
		},
		{
			Code: "CFG-SPACES",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Values have no spaces around them",
				Problem: "Spaces become part of the value",
				Doc:     "Spaces become part of the value.",
				OfForm:  true,
				Lost:    true,
				check:   checkSpaces,
			}},
		},
		{
			Code: "CFG-COMMENT",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "No part of a value is read as a comment",
				Problem: "A part of the value is taken for a comment",
				Doc:     "In an env file everything behind \" #\" is dropped.",
				OfForm:  true,
				Lost:    true,
				check:   checkComment,
			}},
		},
		{
			Code: "CFG-DOTENV",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Settings in .env reach the container",
				Problem: "A setting in .env does not reach the container",
				Doc:     ".env only fills ${NAME}; without env_file nothing of it reaches the container.",
				Lost:    true,
				check:   checkDotenv,
			}},
		},
		{
			Code: "CFG-SERVICE",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Login settings stand at the Paperless service",
				Problem: "A login setting stands at another service",
				Doc:     "Another service does not read them.",
				Lost:    true,
				check:   checkService,
			}},
		},
		{
			Code: "CFG-CASE",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Variable names are in capitals",
				Problem: "A variable name is not in capitals",
				Doc:     "Names are case-sensitive: Paperless does not see this one.",
				Lost:    true,
				check:   checkCase,
			}},
		},
		{
			Code: "CFG-OVERRIDE",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "Every login setting is given once",
				Problem: "A setting is replaced by a later one",
				Doc:     "A later definition replaces the earlier one.",
				Lost:    true,
				check:   checkOverride,
			}},
		},
		{
			Code: "CFG-FILEBOTH",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "A setting comes from the file or from the variable",
				Problem: "A setting comes from the file and from the variable",
				Doc:     "With both, the file counts.",
				Lost:    true,
				check:   checkFileBoth,
			}},
		},
		{
			Code: "CFG-IGNORE",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Comments ignore codes that are there",
				Problem: "A comment ignores a code that no rule has",
				Doc:     "A comment with a code that no rule has ignores nothing.",
				check:   checkIgnore,
			}},
		},
	}
}

// settingCauses are about names and words of settings.
func settingCauses() []*Item {
	return []*Item{
		{
			Code:   "CFG-CHOICE",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Settings have one of their values",
				Problem: "A setting has none of its values",
				Doc:     "Other values are not checked, or stop Paperless.",
				check:   checkChoice,
			}},
		},
		{
			Code:   "CFG-NUMBER",
			Breaks: checklist.LoginPage,
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Numbers are numbers",
				Problem: "A number is no number",
				Doc:     "Paperless does not start.",
				check:   checkNumber,
			}},
		},
		{
			Code: "CFG-DEPRECATED",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "No setting is deprecated",
				Problem: "A setting is deprecated",
				Doc:     "It still works, and a later version will remove it.",
				check:   checkDeprecated,
			}},
		},
		{
			Code: "CFG-PLACEHOLDER",
			InFiles: []Rule{{
				Level:   source.Error,
				Title:   "Every placeholder is filled in",
				Problem: "A placeholder is not filled in",
				Doc:     "YOUR-CLIENT-ID, <slug>, changeme and their like are for you to replace.",
				Lost:    true,
				check:   checkPlaceholder,
			}},
		},
		{
			Code: "VER-GUESSED",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The image says its version",
				Problem: "The image does not say its version",
				Doc:     "With latest or without a tag the newest known version is assumed.",
				check:   checkGuessed,
			}},
		},
		{
			Code: "UPG-CHANGED",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "No setting changes its meaning on the way to the version asked for",
				Problem: "A setting changes its meaning on the way",
				Doc:     "What a version between changed about a setting that is used here.",
				check:   checkUpgrade,
			}},
		},
		{
			Code: "UPG-HAZARD",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "No release on the way is known to break the sign-in of this configuration",
				Problem: "A release on the way changes the sign-in",
				Doc:     "The hazards of the versions between that touch these files, as upgrade names them.",
				check:   checkHazards,
			}},
		},
		{
			Code: "UPG-REMOVED",
			InFiles: []Rule{{
				Level:   source.Warning,
				Title:   "Every setting is still there in this version",
				Problem: "A setting is gone in this version",
				Doc:     "Paperless silently ignores what a version has removed.",
				check:   checkRemoved,
			}},
		},
		{
			Code: "UPG-V3",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The configuration would also start on Paperless-ngx 3",
				Problem: "Paperless-ngx 3 would not start with this",
				Doc:     "3.0.0 is stricter: values of booleans, the secret key, the database engine.",
				Absent:  []string{"PAPERLESS_SECRET_KEY"},
				check:   checkV3,
			}},
		},
	}
}

// elsewhereCauses are about what the files do not say themselves.
func elsewhereCauses() []*Item {
	return []*Item{
		{
			Code: "CFG-ELSEWHERE",
			InFiles: []Rule{{
				Level:   source.Info,
				Title:   "The files say every setting themselves",
				Problem: "A setting comes from somewhere else",
				Doc:     "What a Secret, the shell or a file on another machine sets cannot be judged; a run puts something in its place.",
				Unknown: true,
				check:   checkElsewhere,
			}},
		},
	}
}
