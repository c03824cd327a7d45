"""Files on the issues of the Jira stand-in: added by multipart, listed in the issue, read by whoever sees the issue.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/
"""

from __future__ import annotations

from flask import Response, g, jsonify, request

from sandbox.jira_access import may, sees_issue
from sandbox.jira_api import Api, need_somebody, nothing, on
from sandbox.jira_refusal import Refusal
from sandbox.jira_state import Attachment

_LARGEST = 1_000_000_000
"""Bytes: what a new Jira Cloud site takes."""


class AttachmentApi(Api):
    """Adding, reading and deleting files."""

    @on("POST", "/issue/<name>/attachments")
    def attach(self, name: str) -> Response:
        """Add files. Without the header that browsers cannot send across sites, Jira refuses them."""
        need_somebody()
        issue = self.issues.visible(g.user, name)
        if request.headers.get("X-Atlassian-Token") != "no-check":
            raise Refusal(403, "XSRF check failed")
        if not may(self.site, g.user, "CREATE_ATTACHMENTS", self.site.projects[issue.project], issue):
            raise Refusal(403, "You do not have permission to create attachments for this issue.")
        files = [(one.filename or "", one.mimetype, one.read()) for one in request.files.getlist("file")]
        if not files or not all(filename for filename, _, _ in files):
            raise Refusal(400, "No file was sent under the name 'file'.")
        if any(len(content) > _LARGEST for _, _, content in files):
            raise Refusal(413, "The file is larger than the limit.")
        self.issues.count_write(issue)
        now = self.cloud.now()
        made = [
            Attachment(self.site.new_id(), filename, g.user.account_id, now, kind, content)
            for filename, kind, content in files
        ]
        issue.attachments += made
        issue.updated = now
        return jsonify([self.shapes().attachment(one) for one in made])

    @on("DELETE", "/attachment/<attachment_id>")
    def delete(self, attachment_id: str) -> Response:
        """Delete a file: one's own, or with the right for all of them."""
        need_somebody()
        for issue in self.site.issues.values():
            for one in issue.attachments:
                if one.id == attachment_id and sees_issue(self.site, g.user, issue):
                    project = self.site.projects[issue.project]
                    whose = {"ALL", *({"OWN"} if one.author == g.user.account_id else ())}
                    if not any(
                        may(self.site, g.user, f"DELETE_{which}_ATTACHMENTS", project, issue)
                        for which in whose
                    ):
                        raise Refusal(403, "You do not have permission to delete this attachment.")
                    self.issues.count_write(issue)
                    issue.attachments.remove(one)
                    return nothing()
        raise Refusal(404, f"The attachment with id '{attachment_id}' does not exist")

    @on("GET", "/attachment/content/<attachment_id>")
    def content(self, attachment_id: str) -> Response:
        """What is in a file. A reader who does not ask to be sent elsewhere gets it here."""
        for issue in self.site.issues.values():
            for one in issue.attachments:
                if one.id == attachment_id and sees_issue(self.site, g.user, issue):
                    return Response(one.content, content_type=one.media_type)
        raise Refusal(404, f"The attachment with id '{attachment_id}' does not exist")
